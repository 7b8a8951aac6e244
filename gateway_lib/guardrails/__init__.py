"""Checking guardrails through the gateway: what is blocked, what leaks, and what it costs."""
