# ruff: noqa: E501 - a fault is a line
"""Planted faults: what is written, which rule finds it, and where.

`!!` marks the line on which it is to be found; it is taken out before the file is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMPLETE = {
    "OPENAI_API_KEY": "of-openai",
    "ANTHROPIC_API_KEY": "of-anthropic",
    "GEMINI_API_KEY": "of-google",
}


@dataclass(frozen=True)
class Fault:
    """One fault."""

    name: str
    rule: str
    text: str
    mend: str
    """A part of the mend that has to be told."""
    environment: dict[str, str] = field(default_factory=dict)
    litellm: str = "1.106.2"
    problem: str = ""


BASE = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
litellm_settings:
  max_internal_user_budget: 100
  internal_user_budget_duration: 1mo
router_settings:
  routing_strategy: simple-shuffle
  enable_pre_call_checks: true
  redis_host: os.environ/REDIS_HOST
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""
"""A configuration in which nothing is wrong."""


def base(*changes: tuple[str, str]) -> str:
    text = BASE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def model(lines: str) -> str:
    """`BASE` with more in its model list."""
    return base(("litellm_settings:\n", lines + "litellm_settings:\n"))


def setting(section: str, lines: str) -> str:
    """`BASE` with more in a section."""
    return base((f"{section}:\n", f"{section}:\n{lines}"))


ARMS = """\
  - model_name: both
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      {first}
  - model_name: both{mark}
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      {second}
"""
GUARD = """\
guardrails:
  - guardrail_name: guard
    litellm_params:
      guardrail: bedrock
      mode: pre_call
      guardrailIdentifier: abc
      guardrailVersion: "1"
"""
GUARDED = """\
  - model_name: guarded
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      guardrails: [guard]
"""
CACHE = """\
  cache: true
  enable_caching_on_provider_specific_optional_params: true
  cache_params: {type: redis}
"""
SCOPE = "  callbacks: [gateway_lib.config.cache_scope.by_user]\n"

FAULTS = [
    # the file
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
    # settings
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
    # models
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
    # references and keys
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
    # secrets
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
    # routing
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
        "enable_pre_call_checks: true",
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
    # guardrails
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
    Fault(
        "a guardrail on one arm",
        "guardrail/on-one-arm",
        model(ARMS.format(first="guardrails: [guard]", second="max_tokens: 3", mark=" !!")) + GUARD,
        "every deployment",
    ),
    # cache
    Fault(
        "a cache for everybody",
        "cache/not-namespaced",
        setting("litellm_settings", CACHE.replace("cache: true", "cache: true !!")),
        "cache_scope.by_user",
    ),
    Fault(
        "a scope misspelt",
        "cache/not-namespaced",
        setting("litellm_settings", CACHE + SCOPE.replace("by_user]", "by_users] !!")),
        "cache_scope.by_user`",
    ),
    Fault(
        "a cache in one process",
        "cache/not-shared",
        setting("litellm_settings", CACHE.replace("{type: redis}", "{type: local} !!") + SCOPE),
        "type: redis",
    ),
    Fault(
        "a cache that ignores parameters",
        "cache/ignores-parameters",
        setting("litellm_settings", "  cache: true !!\n  cache_params: {type: redis}\n" + SCOPE),
        "optional_params: true",
    ),
    Fault(
        "limits without Redis",
        "cache/router-without-redis",
        base(
            ("router_settings:\n", "router_settings: !!\n"),
            ("  redis_host: os.environ/REDIS_HOST\n", ""),
        ),
        "redis_host",
    ),
    Fault(
        "parameters of no cache",
        "cache/params-unused",
        setting("litellm_settings", "  cache_params: {type: redis} !!\n"),
        "cache: true",
    ),
    # callbacks
    Fault(
        "the seed's service callback",
        "callback/service-ignored",
        setting("litellm_settings", "  service_callback:\n    - s3 !!\n"),
        "`otel` (OpenTelemetry) or `prometheus_system`",
    ),
    Fault(
        "a callback misspelt",
        "callback/unknown",
        setting("litellm_settings", "  success_callback:\n    - langsmit !!\n"),
        "`langsmith`",
    ),
    Fault(
        "logs without a bucket",
        "callback/s3-without-bucket",
        setting(
            "litellm_settings",
            "  success_callback:\n    - s3_v2 !!\n  failure_callback: [s3_v2]\n  s3_callback_params: {s3_region_name: us-east-1}\n",
        ),
        "s3_bucket_name",
    ),
    Fault(
        "failures that are not logged",
        "callback/failures-not-logged",
        setting(
            "litellm_settings",
            "  success_callback: [s3_v2] !!\n  s3_callback_params: {s3_bucket_name: b, s3_region_name: us-east-1}\n",
        ),
        "failure_callback: [s3_v2]",
    ),
    # budgets
    Fault(
        "a budget below nothing",
        "budget/not-an-amount",
        setting("litellm_settings", "  max_budget: -1 !!\n  budget_duration: 1mo\n"),
        "Write a number",
    ),
    Fault(
        "a budget in words",
        "budget/not-an-amount",
        setting("litellm_settings", "  max_budget: 100 dollars !!\n  budget_duration: 1mo\n"),
        "Write a number",
    ),
    Fault(
        "a budget of nothing",
        "budget/zero",
        setting("litellm_settings", "  max_budget: 0 !!\n"),
        "Write the amount",
    ),
    Fault(
        "a budget once and for all",
        "budget/never-renewed",
        setting("litellm_settings", "  max_budget: 100 !!\n"),
        "budget_duration: 1mo",
    ),
    Fault(
        "users without a budget",
        "budget/no-default-for-users",
        base(("litellm_settings:\n  max_internal_user_budget: 100\n", "litellm_settings: !!\n")),
        "max_internal_user_budget",
    ),
    Fault(
        "a duration in words",
        "duration/unreadable",
        base(("internal_user_budget_duration: 1mo", "internal_user_budget_duration: one month !!")),
        "30d, 1mo",
    ),
    Fault(
        "a duration without a unit",
        "duration/unreadable",
        base(("internal_user_budget_duration: 1mo", "internal_user_budget_duration: 30 !!")),
        "30d, 1mo",
    ),
    # versions
    Fault(
        "the trojanised version", "litellm/denied", BASE, "replace every secret", litellm="1.82.7"
    ),
    Fault(
        "the other trojanised version",
        "litellm/denied",
        BASE,
        "replace every secret",
        litellm="1.82.8",
    ),
    Fault("an old version", "litellm/too-old", BASE, "1.106 or newer", litellm="1.83.6"),
    Fault(
        "a priority of 0",
        "priority/zero",
        setting("router_settings", "  default_priority: 0 !!\n"),
        "1 or more",
    ),
]
