"""A call that a guardrail of LiteLLM's has blocked, as its caller reads it.

LiteLLM tells which policy of which guardrail has found what kind of thing. That helps whoever tries to get
round it, so the caller gets the guardrail's own words and its name: on OpenAI's interface in the error that
Azure's content filter gives, on Bedrock's as the answer of a guardrail that has intervened.
"""

from __future__ import annotations

from typing import Any, Self

from middleware.errors import InvalidRequest

_VIOLATED = "Violated guardrail policy"
_NAME = "guardrail_name"


class Blocked(InvalidRequest):
    """A guardrail has blocked what was asked or what was answered."""

    code = "content_filter"
    standard = "The request or its answer was blocked by a guardrail."

    def __init__(self, message: str = "", guardrail: str = "") -> None:
        super().__init__(message)
        self.details = {"guardrail": guardrail or "unnamed"}

    @classmethod
    def of(cls, status: int, error: dict[str, Any]) -> Self | None:
        """What LiteLLM's error says, where it says that a guardrail has blocked a call."""
        found = error.get("provider_specific_fields")
        details = found if isinstance(found, dict) else {}
        if status != 400 or not (_VIOLATED in str(error.get("message")) or _NAME in details):
            return None
        said, name = details.get("bedrock_guardrail_response"), details.get(_NAME)
        return cls(said if isinstance(said, str) else "", name if isinstance(name, str) else "")
