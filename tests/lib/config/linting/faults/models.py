# ruff: noqa: E501 - a fault is a line
"""Models and providers: misspelt, without a price, withdrawn, twice."""

from __future__ import annotations

from .fault import BASE, Fault, model

FAULTS = [
    Fault(
        "a provider misspelt",
        "model/unknown-provider",
        model(
            "  - model_name: a\n    litellm_params:\n      model: antropic/claude-opus-5-5 !!\n      api_key: os.environ/ANTHROPIC_API_KEY\n"
        ),
        "`anthropic/...`",
    ),
    Fault(
        "a model misspelt",
        "model/unknown",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o-minni !!\n      api_key: os.environ/OPENAI_API_KEY\n"
        ),
        "`openai/gpt-4o-mini`",
    ),
    Fault(
        "a model without a price",
        "model/no-price",
        model(
            "  - model_name: a\n    litellm_params:\n      model: cohere_chat/command-a-plus-05-2026 !!\n      api_key: os.environ/OPENAI_API_KEY\n"
        ),
        "input_cost_per_token",
    ),
    Fault(
        "a model withdrawn",
        "model/retired",
        model(
            "  - model_name: a\n    litellm_params:\n      model: bedrock/meta.llama3-1-405b-instruct-v1:0 !!\n"
        ),
        "still served",
    ),
    Fault(
        "a deployment twice",
        "model/duplicate",
        model(
            "  - model_name: gpt-4o !!\n    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}\n"
        ),
        "Remove one",
    ),
    Fault(
        "an overlay that forgets a provider",
        "providers/missing",
        BASE + "providers: !!\n  bedrock: {aws_region_name: us-east-1}\n",
        "Add `openai:`",
    ),
]
