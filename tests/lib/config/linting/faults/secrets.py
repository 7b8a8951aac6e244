# ruff: noqa: E501 - a fault is a line
"""Secrets in clear, weak ones, equal ones, missing ones."""

from __future__ import annotations

from .fault import Fault, base, model, setting

FAULTS = [
    Fault(
        "a key in clear",
        "secret/in-clear",
        model(
            "  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      api_key: not-telling !!\n"
        ),
        "os.environ/NAME",
    ),
    Fault(
        "a password in an address",
        "secret/in-clear",
        setting("general_settings", "  database_url: postgresql://litellm:hunter2@db/litellm !!\n"),
        "os.environ/NAME",
    ),
    Fault(
        "a weak master key",
        "secret/weak",
        base(
            (
                "master_key: os.environ/LITELLM_MASTER_KEY",
                "master_key: os.environ/LITELLM_MASTER_KEY !!",
            )
        ),
        "token_urlsafe",
        {"LITELLM_MASTER_KEY": "sk-1234"},
    ),
    Fault(
        "a master key without its beginning",
        "secret/weak",
        base(
            (
                "master_key: os.environ/LITELLM_MASTER_KEY",
                "master_key: os.environ/LITELLM_MASTER_KEY !!",
            )
        ),
        "Put `sk-`",
        {"LITELLM_MASTER_KEY": "aB3" * 4 + "xY7_kQ9-pL2mN5"},
    ),
    Fault(
        "a weak salt key",
        "secret/weak",
        base(("general_settings:", "general_settings: !!")),
        "token_urlsafe",
        {"LITELLM_SALT_KEY": "salt"},
    ),
    Fault(
        "one key for both",
        "secret/equal",
        base(
            (
                "master_key: os.environ/LITELLM_MASTER_KEY",
                "master_key: os.environ/LITELLM_MASTER_KEY !!",
            )
        ),
        "of its own",
        {
            "LITELLM_MASTER_KEY": "sk-Q7f_z2Lw9XcV4bN8mK1pR5tY",
            "LITELLM_SALT_KEY": "sk-Q7f_z2Lw9XcV4bN8mK1pR5tY",
        },
    ),
    Fault(
        "no master key",
        "secret/no-master-key",
        base(
            (
                "general_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY",
                "general_settings: !!\n  store_model_in_db: true",
            )
        ),
        "os.environ/LITELLM_MASTER_KEY",
    ),
]
