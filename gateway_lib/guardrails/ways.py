"""Ways in which a call is guarded: by a name that the gateway knows, or by Bedrock's own guardrailConfig."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_lib.clients import GatewayClient
from gateway_lib.errors import GatewayUnreachable, UnknownGuardrail
from gateway_lib.guardrails.records import NONE

CONFIG = "guardrailConfig"
_PREFIX = "bedrock/"


@dataclass(frozen=True)
class Way:
    """One way.

    Attributes:
        name: As it was asked for, and as the records have it.
        mode: When it checks: LiteLLM's modes joined by `+`, `guardrailConfig`, or `none`.
        named: Name that a call gives; empty for guardrailConfig and for no guardrail.
        identifier: Bedrock's id of it; empty where it has none.
        version: Bedrock's version.
        unbuffered: With guardrailConfig, whether streams are checked while they are on their way (`async`).
        in_converse: Whether a Converse request can ask for it.
    """

    name: str
    mode: str
    named: str = ""
    identifier: str = ""
    version: str = ""
    unbuffered: bool = False
    in_converse: bool = True

    @property
    def is_config(self) -> bool:
        """Whether Bedrock itself applies it, in its own call of the model."""
        return self.mode == CONFIG

    def config(self, *, stream: bool) -> dict[str, Any]:
        """Bedrock's `guardrailConfig`; the trace is asked for where Bedrock itself gives one."""
        config = {"guardrailIdentifier": self.identifier, "guardrailVersion": self.version}
        if self.is_config:
            config["trace"] = "enabled"
            if stream:
                config["streamProcessingMode"] = "async" if self.unbuffered else "sync"
        return config


UNGUARDED = Way(NONE, NONE)


def ways_of(names: Iterable[str], client: GatewayClient) -> tuple[Way, ...]:
    """The ways of some names.

    Args:
        names: Names as in the gateway's configuration, or `bedrock/ID/VERSION`, with `/async` behind it for
            streams that are checked while they are on their way.
        client: Of the gateway, to ask which names it knows.

    Raises:
        UnknownGuardrail: The gateway has none of that name, or what was asked for is no name.
        GatewayUnreachable: It does not say which it has.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        raise UnknownGuardrail("no guardrail is named")
    listed = known(client) if any(not name.startswith(_PREFIX) for name in wanted) else ()
    return tuple(
        _configured(name) if name.startswith(_PREFIX) else _named(name, listed) for name in wanted
    )


def known(client: GatewayClient) -> tuple[dict[str, Any], ...]:
    """The guardrails of the gateway, as it lists them.

    Raises:
        GatewayUnreachable: It does not say.
    """
    for path in ("/v2/guardrails/list", "/guardrails/list"):
        try:
            listed = client.get(path)
        except GatewayUnreachable:
            continue
        return tuple(listed.get("guardrails") or ())
    raise GatewayUnreachable("the gateway does not tell which guardrails it has")


def _configured(name: str) -> Way:
    parts = name.removeprefix(_PREFIX).split("/")
    if len(parts) not in (2, 3) or not all(parts) or parts[2:] not in ([], ["async"], ["sync"]):
        raise UnknownGuardrail(f"{name!r}: write bedrock/ID/VERSION, or bedrock/ID/VERSION/async")
    return Way(
        name,
        CONFIG,
        identifier=parts[0],
        version=parts[1],
        unbuffered=parts[2:] == ["async"],
    )


def _named(name: str, listed: Sequence[dict[str, Any]]) -> Way:
    entries = [entry for entry in listed if entry.get("guardrail_name") == name]
    if not entries:
        there = ", ".join(sorted(str(entry.get("guardrail_name")) for entry in listed)) or "none"
        raise UnknownGuardrail(f"the gateway has no guardrail {name!r}; it has {there}")
    told = entries[0].get("litellm_params") or {}
    mode = told.get("mode") or "unknown"
    identity = _identity(told)
    # Converse names a guardrail by Bedrock's id and version: where two share them, it means the first
    first = next(each for each in listed if _identity(each.get("litellm_params") or {}) == identity)
    return Way(
        name,
        "+".join(map(str, mode)) if isinstance(mode, list) else str(mode),
        named=name,
        identifier=identity[0],
        version=identity[1],
        in_converse=bool(identity[0]) and first is entries[0],
    )


def _identity(told: dict[str, Any]) -> tuple[str, str]:
    identifier = told.get("guardrailIdentifier")
    return (str(identifier), str(told.get("guardrailVersion", "DRAFT"))) if identifier else ("", "")
