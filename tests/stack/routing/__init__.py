"""Routing by LiteLLM itself, on the whole chain."""
