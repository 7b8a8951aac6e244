"""What a planted fault is, and the configuration that it is planted in.

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
