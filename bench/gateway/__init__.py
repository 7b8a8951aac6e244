"""What LiteLLM's settings do for its speed, and what the middleware before it adds: CPU time per request."""
