"""What a body says of guardrails: the names that a call is to pass, and what is not the caller's to say.

LiteLLM takes what it is given: a name that it does not have, or a string where there should be a list,
guards nothing, and a caller's `guardrailConfig` takes the place of the deployment's own. So names have to be
a list of strings under `guardrails`, and any other word about guardrails is an administrator's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from middleware.guardrails.errors import GuardrailsMalformed

NAMES, CONFIG = "guardrails", "guardrailConfig"
MAX_NAMES = 20
# a body without any of these says nothing of guardrails; a letter may also be written as an escape
_ESCAPED = re.compile(rb"\\u00[2-7]")  # a letter that is not written as itself
_CONTAINERS = ("metadata", "litellm_metadata", "extra_body")
_STEERING = re.compile(r"guardrail|^(?:applied_)?policies$|^policy_sources$", re.I)
_OF_A_CONFIG = frozenset(
    ("guardrailIdentifier", "guardrailVersion", "trace", "streamProcessingMode")
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one body says."""

    names: tuple[str, ...] = ()
    config: Any = None
    """Bedrock's guardrail of this call, as given."""
    has_config: bool = False
    steering: tuple[str, ...] = ()
    """Members by which a call would steer guardrails; not for everybody."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Wish:
        """Read a body.

        Raises:
            GuardrailsMalformed: `guardrails` is no list of names.
        """
        names = names_of(fields.get(NAMES), NAMES)
        steering = tuple(_steering(fields))
        return cls(names, fields.get(CONFIG), CONFIG in fields, steering)

    @property
    def is_empty(self) -> bool:
        return not (self.names or self.has_config or self.steering)


def are_mentioned(body: bytes) -> bool:
    """Whether a body may say something of guardrails; asked of every call, so it costs next to nothing."""
    lowered = body.lower()
    if b"guardrail" in lowered or b"polic" in lowered:
        return True
    return b"\\" in body and b"\\u00" in lowered and _ESCAPED.search(lowered) is not None


def names_of(value: Any, where: str) -> tuple[str, ...]:
    """A list of names; null is an empty one.

    Raises:
        GuardrailsMalformed: it is anything else.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or any(not isinstance(name, str) or not name for name in value):
        raise GuardrailsMalformed(f"{where} must be a list of names of guardrails.")
    if len(value) > MAX_NAMES:
        raise GuardrailsMalformed(f"{where} may have {MAX_NAMES} names at most.")
    return tuple(dict.fromkeys(value))


def refuse_config(config: Any, own: tuple[Mapping[str, Any], ...]) -> str | None:
    """Why a caller's `guardrailConfig` cannot be taken; None where it can.

    A model's own guardrail stays: a caller may ask for the same one, and for its trace.
    """
    if not isinstance(config, dict) or config.keys() - _OF_A_CONFIG:
        return f"{CONFIG} must be an object of {', '.join(sorted(_OF_A_CONFIG))}."
    named = (config.get("guardrailIdentifier"), config.get("guardrailVersion"))
    if not all(isinstance(part, str) and part for part in named):
        return f"{CONFIG} needs guardrailIdentifier and guardrailVersion."
    for guarded in own:
        if named != (guarded.get("guardrailIdentifier"), str(guarded.get("guardrailVersion"))):
            return f"{CONFIG}: this model has a guardrail of its own, which a call cannot replace."
        if config.get("streamProcessingMode", "sync") not in (
            "sync",
            guarded.get("streamProcessingMode"),
        ):
            return f"{CONFIG}.streamProcessingMode: this model's answers are checked before they are sent."
    return None


def _steering(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in fields:
        if name not in (NAMES, CONFIG) and _STEERING.search(name):
            yield name
    for container in _CONTAINERS:
        for name in _object(fields.get(container)):
            if _STEERING.search(name):
                yield f"{container}.{name}"


def _object(value: Any) -> Mapping[str, Any]:
    """An object, or the text of one, which LiteLLM reads as well."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
