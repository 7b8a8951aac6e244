# ruff: noqa: E501 - a fault is a line
"""Guardrails: incomplete, unknown, and ways round them."""

from __future__ import annotations

from .fault import ARMS, BASE, GUARD, GUARDED, Fault, model, setting

FAULTS = [
    Fault(
        "a guardrail of nobody",
        "guardrail/unknown",
        model(GUARDED.replace("[guard]", "[gaurd] !!")) + GUARD,
        "`guard`",
    ),
    Fault(
        "a service misspelt",
        "guardrail/unknown-service",
        BASE + GUARD.replace("guardrail: bedrock", "guardrail: bedrok !!"),
        "`guardrail: bedrock`",
    ),
    Fault(
        "a mode misspelt",
        "guardrail/unknown-mode",
        BASE + GUARD.replace("mode: pre_call", "mode: pre_cal !!"),
        "`mode: pre_call`",
    ),
    Fault(
        "a guardrail without a version",
        "guardrail/incomplete",
        BASE
        + GUARD.replace('      guardrailVersion: "1"\n', "")
        .replace("    litellm_params:", "    litellm_params:")
        .replace("      guardrail: bedrock", "      guardrail: bedrock !!"),
        "Bedrock's console",
    ),
    Fault(
        "a guardrailConfig without an id",
        "guardrail/incomplete",
        model(
            "  - model_name: a\n    litellm_params:\n      model: bedrock/amazon.nova-lite-v1:0\n      guardrailConfig:\n        guardrailVersion: '1' !!\n"
        ),
        "guardrailIdentifier",
    ),
    Fault(
        "a guardrailConfig that is not read",
        "guardrail/not-bedrock",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o-mini\n      api_key: os.environ/OPENAI_API_KEY\n      guardrailConfig: {guardrailIdentifier: a, guardrailVersion: '1'} !!\n"
        ),
        "under `guardrails`",
    ),
    Fault(
        "a guardrail twice",
        "guardrail/repeated",
        BASE
        + GUARD
        + GUARD.removeprefix("guardrails:\n").replace(
            "guardrail_name: guard", "guardrail_name: guard !!"
        ),
        "name of its own",
    ),
    Fault(
        "a way round a guardrail",
        "guardrail/bypassed-by-fallback",
        setting("router_settings", "  fallbacks:\n    - guarded: [gpt-4o] !!\n").replace(
            "litellm_settings:", GUARDED + "litellm_settings:"
        )
        + GUARD,
        "Guard `gpt-4o` likewise",
    ),
    Fault(
        "the default way round a guardrail",
        "guardrail/bypassed-by-fallback",
        setting("router_settings", "  default_fallbacks: [gpt-4o] !!\n").replace(
            "litellm_settings:", GUARDED + "litellm_settings:"
        )
        + GUARD,
        "default_on: true",
    ),
    Fault(
        "a way round Bedrock's guardrail",
        "guardrail/bypassed-by-fallback",
        setting("router_settings", "  fallbacks:\n    - nova: [gpt-4o] !!\n").replace(
            "litellm_settings:",
            "  - model_name: nova\n    litellm_params:\n      model: bedrock/amazon.nova-lite-v1:0\n      guardrailConfig: {guardrailIdentifier: a, guardrailVersion: '1'}\nlitellm_settings:",
        ),
        "likewise",
    ),
    *(
        Fault(
            f"a way round a guardrail in {kind}",
            "guardrail/bypassed-by-fallback",
            setting("router_settings", f"  {kind}:\n    - guarded: [gpt-4o] !!\n").replace(
                "litellm_settings:", GUARDED + "litellm_settings:"
            )
            + GUARD,
            "Guard `gpt-4o` likewise",
        )
        for kind in ("context_window_fallbacks", "content_policy_fallbacks")
    ),
    Fault(
        "a fallback to another version of the guardrail",
        "guardrail/bypassed-by-fallback",
        setting("router_settings", "  fallbacks:\n    - nova: [draft] !!\n").replace(
            "litellm_settings:",
            "  - model_name: nova\n    litellm_params:\n      model: bedrock/amazon.nova-lite-v1:0\n      guardrailConfig: {guardrailIdentifier: a, guardrailVersion: '1'}\n"
            "  - model_name: draft\n    litellm_params:\n      model: bedrock/amazon.nova-lite-v1:0\n      guardrailConfig: {guardrailIdentifier: a, guardrailVersion: DRAFT}\nlitellm_settings:",
        ),
        "likewise",
    ),
    Fault(
        "a guardrail on one arm",
        "guardrail/on-one-arm",
        model(ARMS.format(first="guardrails: [guard]", second="max_tokens: 3", mark=" !!")) + GUARD,
        "every deployment",
    ),
]
