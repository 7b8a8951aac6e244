"""What a run asks: every case of a suite, guarded in every way, over every interface, streamed and not.

The calls go out in an order that the seed draws, so that no way of guarding has the quiet minutes for
itself. Harmless cases are also sent without any guardrail, to see what a check adds to the time.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from gateway_lib import clients
from gateway_lib.errors import GuardrailError
from gateway_lib.guardrails.suite import Case, Suite
from gateway_lib.guardrails.ways import UNGUARDED, Way, ways_of
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

INTERFACES = ("openai", "bedrock")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is to be made."""

    case: Case
    way: Way
    model: str
    interface: str
    streamed: bool


@dataclass(frozen=True)
class Plan:
    """What a run asks.

    Attributes:
        suite: The cases.
        ways: How they are guarded.
        model: Model for guardrails that are named; one that not Bedrock alone serves, or a Converse request
            hands the guardrail on to Bedrock.
        bedrock_model: Model for guardrailConfig; one of Bedrock's.
        interfaces: Over which.
        streamed: Streamed, not streamed, or both.
        seed: Of the order.
    """

    suite: Suite
    ways: tuple[Way, ...]
    model: str
    bedrock_model: str
    interfaces: tuple[str, ...] = INTERFACES
    streamed: tuple[bool, ...] = (False, True)
    seed: int = 0

    def calls(self) -> list[Call]:
        """All calls in the order in which they are made."""
        found = [
            Call(case, way, model, interface, streamed)
            for interface in self.interfaces
            for streamed in self.streamed
            for way in self.ways
            if interface == "openai" or way.in_converse
            for model in (self._model(way),)
            for case in self.suite.cases
        ]
        unguarded = {(call.model, call.interface, call.streamed) for call in found}
        found += [
            Call(case, UNGUARDED, *rest)
            for rest in sorted(unguarded)
            for case in self.suite.cases
            if case.expected == "allow"
        ]
        random.Random(self.seed).shuffle(found)  # noqa: S311
        return found

    def left_out(self) -> tuple[str, ...]:
        """Guardrails that a Converse request cannot ask for, by name."""
        asked = "bedrock" in self.interfaces
        return tuple(way.name for way in self.ways if asked and not way.in_converse)

    def _model(self, way: Way) -> str:
        return self.bedrock_model if way.is_config else self.model


def plan(
    suite: Suite,
    guardrails: Sequence[str],
    *,
    model: str = "gpt-4o-mini",
    bedrock_model: str = "amazon.nova-lite-v1:0",
    interfaces: Sequence[str] = INTERFACES,
    streamed: Sequence[bool] = (False, True),
    seed: int = 0,
    settings: Settings | None = None,
) -> Plan:
    """A plan for guardrails by their names, see `ways.ways_of`, and `Plan` for the rest.

    Raises:
        UnknownGuardrail: The gateway has none of that name.
        GatewayUnreachable: It does not say which it has.
        GuardrailError: There is nothing to ask, or an interface that does not exist.
    """
    strange = [name for name in interfaces if name not in INTERFACES]
    if strange or not interfaces or not streamed:
        told = f"no interface {strange[0]!r}: openai and bedrock" if strange else "nothing to ask"
        raise GuardrailError(told)
    known = settings or process_settings()
    make = clients.admin_client if known.master_key else clients.gateway_client
    with make(known) as client:
        ways = ways_of(guardrails, client)
    wanted = Plan(suite, ways, model, bedrock_model, tuple(interfaces), tuple(streamed), seed)
    if suite.cases and not wanted.calls():
        raise GuardrailError(
            f"nothing to ask: Converse cannot name {', '.join(wanted.left_out())}; ask over openai"
        )
    return wanted


def digest(suite: Suite) -> str:
    """Tells one set of cases from another, without holding their texts."""
    return hashlib.blake2b(suite.model_dump_json().encode(), digest_size=8).hexdigest()
