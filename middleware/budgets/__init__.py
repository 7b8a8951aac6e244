"""Budgets per model: what a user or a key may spend on one model within a period.

LiteLLM has them under its enterprise licence only. Here a call's highest possible cost is reserved before it
is made, and settled to what it did cost afterwards, so that calls that run at the same time cannot spend more
than there is: `docs/budgets.md`.
"""
