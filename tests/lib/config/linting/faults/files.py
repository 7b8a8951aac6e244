"""The file as a whole: its YAML, its sections, their shapes."""

from __future__ import annotations

from .fault import BASE, Fault, model, setting

FAULTS = [
    Fault("not YAML", "yaml/unreadable", "model_list: [\n  a: b: c !!\n", "mend the YAML"),
    Fault(
        "extends nothing", "yaml/unreadable", "# first\nextends: nothing.yaml !!\n", "Name a file"
    ),
    Fault(
        "a key twice",
        "yaml/repeated-key",
        setting("litellm_settings", "  drop_params: true\n  drop_params: false !!\n"),
        "Keep one",
    ),
    Fault(
        "a section misspelt",
        "settings/unknown-section",
        BASE + "router_setings: {} !!\n",
        "`router_settings`",
    ),
    Fault(
        "a section of nobody", "settings/unknown-section", BASE + "database: {} !!\n", "Remove it"
    ),
    Fault(
        "a list that is a mapping",
        "settings/not-a-mapping",
        BASE + "guardrails: {a: b} !!\n",
        "Begin each entry",
    ),
    Fault(
        "a deployment without a name",
        "settings/not-a-mapping",
        model(
            "  - litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY} !!\n"
        ),
        "Add `model_name:`",
    ),
    Fault(
        "a deployment without a model",
        "settings/not-a-mapping",
        model("  - model_name: nothing !!\n    litellm_params: {temperature: 0}\n"),
        "provider/id",
    ),
    Fault(
        "remove what is not there",
        "model/removed-none",
        "extends: base.yaml\nremove_models:\n  - gpt-4o\n  - gpt-5o !!\n",
        "`gpt-4o`",
    ),
]
