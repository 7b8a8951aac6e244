"""Who calls, and what they may have: tokens of an OIDC issuer, a policy, and LiteLLM's keys and users."""
