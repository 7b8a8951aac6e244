"""`additionalModelRequestFields`: what a model takes beyond Converse, and what is not the caller's to set.

A model's own parameters have any name, so they pass on, and what LiteLLM itself would obey is refused:
endpoints, keys, prices, routing, callbacks. `protected_fields.txt` holds these names; a test compares it
with the installed LiteLLM.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from middleware.bedrock.errors import ValidationException

_OF_LITELLM = frozenset(Path(__file__).with_name("protected_fields.txt").read_text().split())
_OF_CONVERSE = frozenset(
    (
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "function_call",
        "functions",
        "guardrailConfig",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "modelId",
        "n",
        "outputConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "response_format",
        "service_tier",
        "serviceTier",
        "stop",
        "stream",
        "stream_options",
        "system",
        "temperature",
        "tool_choice",
        "toolConfig",
        "tools",
        "top_p",
        "user",
        "store",
        "web_search_options",
    )
)
_SUSPICIOUS = re.compile(
    r"^(?:_|litellm_|aws_|azure_|vertex_|extra_|mock_|s3_|gcs_)|(?:^|_)(?:api|key|keys|secret|password|url|"
    r"base|endpoint|host|credential|credentials|headers|proxy|callback|callbacks)$",
    re.I,
)


def merge(body: dict[str, Any], fields: Any) -> None:
    """Add the fields to a chat completion's body.

    Raises:
        ValidationException: one of them is not the caller's to set, or Converse has a place for it.
    """
    if not isinstance(fields, dict):
        raise ValidationException("additionalModelRequestFields must be an object.")
    for name in fields:
        if name in _OF_CONVERSE:
            raise ValidationException(
                f"additionalModelRequestFields.{name}: use the member that Converse has for it."
            )
    refuse_protected(fields, "additionalModelRequestFields.")
    body |= fields


def refuse_protected(fields: dict[str, Any], path: str) -> None:
    """Refuse names that LiteLLM itself would obey; `path` precedes the name in the message."""
    for name in fields:
        if name in _OF_LITELLM or _SUSPICIOUS.search(name):
            raise ValidationException(f"{path}{name} cannot be set by a caller.")
