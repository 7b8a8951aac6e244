"""The service before LiteLLM: one front door, and what LiteLLM lacks."""

__version__ = "0.1.0"
