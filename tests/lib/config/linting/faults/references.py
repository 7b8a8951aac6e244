# ruff: noqa: E501 - a fault is a line
"""References to variables, and providers' keys."""

from __future__ import annotations

from .fault import Fault, model

FAULTS = [
    Fault(
        "a variable of nobody",
        "reference/dangling",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      api_key: os.environ/OPENAI_API_KEYS !!\n"
        ),
        "`os.environ/OPENAI_API_KEY`",
    ),
    Fault(
        "a shell's way to name a variable",
        "reference/not-understood",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      api_base: ${OPENAI_API_BASE} !!\n      api_key: os.environ/OPENAI_API_KEY\n"
        ),
        "Write `os.environ/NAME`",
    ),
    Fault(
        "a provider without a key",
        "provider/no-key",
        model("  - model_name: a !!\n    litellm_params: {model: groq/openai/gpt-oss-20b}\n"),
        "api_key: os.environ/GROQ_API_KEY",
    ),
    Fault(
        "a provider whose key nobody passes on",
        "provider/no-key",
        model(
            "  - model_name: a !!\n    litellm_params: {model: deepinfra/meta-llama/Llama-3.3-70B-Instruct-Turbo}\n"
        ),
        "add-a-provider",
    ),
    Fault(
        "a key that is not set",
        "provider/key-not-set",
        model(
            "  - model_name: a !!\n    litellm_params: {model: groq/openai/gpt-oss-20b, api_key: os.environ/GROQ_API_KEY}\n"
        ),
        "Set GROQ_API_KEY",
    ),
]
