"""Guardrails of LiteLLM's: who may name which, and what becomes of a call whose guardrail is not there."""
