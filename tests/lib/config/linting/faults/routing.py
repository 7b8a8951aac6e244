# ruff: noqa: E501 - a fault is a line
"""Strategies, weights, limits, fallbacks and priorities."""

from __future__ import annotations

from .fault import ARMS, Fault, base, model, setting

FAULTS = [
    Fault(
        "a strategy misspelt",
        "routing/unknown-strategy",
        base(("routing_strategy: simple-shuffle", "routing_strategy: simple-shufle !!")),
        "`simple-shuffle`",
    ),
    Fault(
        "weights that nothing reads",
        "routing/weight-ignored",
        model(ARMS.format(first="weight: 9 !!", second="weight: 1", mark="")).replace(
            "simple-shuffle", "usage-based-routing-v2"
        ),
        "simple-shuffle",
    ),
    Fault(
        "a weight in the wrong place",
        "routing/weight-misplaced",
        model(
            "  - model_name: a\n    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, rpm: 2}\n    model_info:\n      weight: 9 !!\n"
        ),
        "into `litellm_params`",
    ),
    Fault(
        "a weight on one arm",
        "routing/weight-on-one-arm",
        model(ARMS.format(first="weight: 9", second="max_tokens: 5", mark=" !!")),
        "every deployment",
    ),
    Fault(
        "a weight in words",
        "routing/weight-not-a-number",
        model(ARMS.format(first="weight: most !!", second="weight: 1", mark="")),
        "Write a number",
    ),
    Fault(
        "limits that nothing checks",
        "routing/limits-not-enforced",
        model(ARMS.format(first="rpm: 5 !!", second="max_tokens: 4", mark="")).replace(
            "enable_pre_call_checks: true", "enable_pre_call_checks: false"
        ),
        "[enforce_model_rate_limits]",
    ),
    Fault(
        "a limit of tokens, which the checks of every call do not know",
        "routing/limits-not-enforced",
        model(ARMS.format(first="tpm: 5000 !!", second="max_tokens: 4", mark="")),
        "[enforce_model_rate_limits]",
    ),
    Fault(
        "two deployments and neither retries nor failover",
        "routing/no-failover",
        model(
            ARMS.format(first="weight: 9", second="weight: 1", mark="").replace(
                "both", "both !!", 1
            )
        ).replace("litellm_settings:\n", "litellm_settings:\n  num_retries: 0\n"),
        "enable_weighted_failover: true",
    ),
    Fault(
        "failover under a strategy that has none",
        "routing/no-failover",
        model(
            ARMS.format(first="max_tokens: 5", second="max_tokens: 4", mark="").replace(
                "both", "both !!", 1
            )
        )
        .replace("simple-shuffle", "least-busy")
        .replace(
            "router_settings:\n",
            "router_settings:\n  num_retries: 0\n  enable_weighted_failover: true\n",
        ),
        "routing_strategy: simple-shuffle",
    ),
    Fault(
        "default fallbacks beside others",
        "fallback/default-lost",
        setting(
            "router_settings",
            "  fallbacks: [{gpt-4o: [other]}]\n  default_fallbacks: [other] !!\n",
        ).replace(
            "litellm_settings:",
            "  - {model_name: other, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY}}\nlitellm_settings:",
        ),
        '`{"*": [...]}`',
    ),
    Fault(
        "a fallback that nothing triggers",
        "routing/checks-off",
        setting("router_settings", "  context_window_fallbacks: [{gpt-4o: [big]}] !!\n")
        .replace("enable_pre_call_checks: true", "enable_pre_call_checks: false")
        .replace(
            "litellm_settings:",
            "  - {model_name: big, litellm_params: {model: gemini/gemini-2.5-pro, api_key: os.environ/GEMINI_API_KEY}}\nlitellm_settings:",
        ),
        "enable_pre_call_checks: true",
    ),
    Fault(
        "a fallback to nobody",
        "fallback/unknown",
        setting("router_settings", "  fallbacks:\n    - gpt-4o: [gpt-4] !!\n"),
        "`gpt-4o`",
    ),
    Fault(
        "a fallback from nobody",
        "fallback/unknown",
        setting("router_settings", "  fallbacks:\n    - gpt-5o: [gpt-4o] !!\n"),
        "`gpt-4o`",
    ),
    Fault(
        "a fallback to itself",
        "fallback/to-itself",
        setting("router_settings", "  fallbacks:\n    - gpt-4o: [gpt-4o] !!\n"),
        "another model",
    ),
    Fault(
        "a priority of 0",
        "priority/zero",
        setting("router_settings", "  default_priority: 0 !!\n"),
        "1 or more",
    ),
]
