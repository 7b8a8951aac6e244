# ruff: noqa: E501 - a fault is a line
"""Settings and parameters that are misspelt, in the wrong place, or of nobody."""

from __future__ import annotations

from .fault import BASE, CACHE, GUARD, SCOPE, Fault, base, model, setting

FAULTS = [
    Fault(
        "the seed's typo",
        "settings/unknown",
        base(("enable_pre_call_checks: true", "enable_pre_call_check: true !!")),
        "`enable_pre_call_checks`",
    ),
    Fault(
        "a setting misspelt",
        "settings/unknown",
        setting("litellm_settings", "  drop_parms: true !!\n"),
        "`drop_params`",
    ),
    Fault(
        "a general setting misspelt",
        "settings/unknown",
        setting("general_settings", "  store_models_in_db: true !!\n"),
        "`store_model_in_db`",
    ),
    Fault(
        "a setting in the wrong section",
        "settings/unknown",
        setting("general_settings", "  fallbacks: [] !!\n"),
        "Move it to `router_settings`",
    ),
    Fault(
        "a cache parameter misspelt",
        "settings/unknown",
        setting(
            "litellm_settings",
            CACHE.replace("{type: redis}", "\n    type: redis\n    passwrd: x !!") + SCOPE,
        ),
        "`password`",
    ),
    Fault(
        "an S3 parameter misspelt",
        "settings/unknown",
        setting("litellm_settings", "  s3_callback_params:\n    s3_bucket: logs !!\n"),
        "`s3_bucket_name`",
    ),
    Fault(
        "a deployment's key misspelt",
        "settings/unknown",
        model(
            "  - model_name: a\n    litelm_params: {} !!\n    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, rpm: 1}\n"
        ),
        "`litellm_params`",
    ),
    Fault(
        "a parameter misspelt",
        "settings/misspelt-parameter",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      api_key: os.environ/OPENAI_API_KEY\n      temperture: 0.2 !!\n"
        ),
        "`temperature`",
    ),
    Fault(
        "a region misspelt",
        "settings/misspelt-parameter",
        model(
            "  - model_name: a\n    litellm_params:\n      model: bedrock/amazon.nova-lite-v1:0\n      aws_region: us-west-2 !!\n"
        ),
        "`aws_region_name`",
    ),
    Fault(
        "a guardrail's parameter misspelt",
        "settings/misspelt-parameter",
        BASE + GUARD + "      default_onn: true !!\n",
        "`default_on`",
    ),
    Fault(
        "a parameter of nobody",
        "settings/unknown-parameter",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      api_key: os.environ/OPENAI_API_KEY\n      frobnicate: 3 !!\n"
        ),
        "Remove it",
    ),
]
