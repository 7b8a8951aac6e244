"""Pictures of guardrail runs."""
