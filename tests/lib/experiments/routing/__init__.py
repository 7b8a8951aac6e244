"""Routing by LiteLLM itself: what can be said of it without a gateway."""
