"""Failures on demand.

Tests put faults through the control API, profiles have their own error, throttle and cut rates;
both end as the same objects and are acted out in one place. A fault with a ``count`` is used up,
one with a ``rate`` strikes that share of the matching requests.
"""

from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from gateway_lib.simulator.memory import generator
from gateway_lib.simulator.profiles import Probability, Profile, Strict

StopReason = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
]

_FIELDS: dict[str, frozenset[str]] = {
    "status": frozenset({"status", "code", "message", "retry_after"}),
    "latency": frozenset({"seconds"}),
    "hang": frozenset({"after_tokens"}),
    "reset": frozenset(),
    "cut_mid_stream": frozenset({"after_tokens"}),
    "error_event": frozenset({"after_tokens", "status", "code", "message"}),
    "malformed_json": frozenset({"after_tokens"}),
    "slow_chunks": frozenset({"seconds"}),
    "stop_reason": frozenset({"stop_reason"}),
}
_COMMON = frozenset({"match", "kind", "count", "rate"})
_REQUIRED = {"status": "status", "latency": "seconds", "slow_chunks": "seconds"}


class Fault(Strict):
    """One kind of failure for the models that match.

    Kinds: ``status`` (an error response), ``latency`` (seconds before the first token), ``hang``
    (silence after so many tokens until the client leaves), ``reset`` (connection aborted before
    any response), ``cut_mid_stream`` (connection aborted after so many tokens), ``error_event``
    (the provider's error inside a running stream; an error response if not streamed),
    ``malformed_json`` (a broken body, or a broken event after so many tokens), ``slow_chunks``
    (seconds added before every token), ``stop_reason`` (the answer ends for this reason).
    """

    match: str = "*"
    kind: Literal[
        "status",
        "latency",
        "hang",
        "reset",
        "cut_mid_stream",
        "error_event",
        "malformed_json",
        "slow_chunks",
        "stop_reason",
    ]
    count: PositiveInt | None = None
    rate: Probability | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    code: str | None = None
    message: str | None = None
    retry_after: NonNegativeFloat | None = None
    after_tokens: NonNegativeInt = 0
    seconds: NonNegativeFloat | None = None
    stop_reason: StopReason | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        strange = self.model_fields_set - _COMMON - _FIELDS[self.kind]
        if strange:
            raise ValueError(f"a fault of kind {self.kind} has no {', '.join(sorted(strange))}")
        needed = _REQUIRED.get(self.kind, self.kind if self.kind == "stop_reason" else None)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"a fault of kind {self.kind} needs {needed}")
        return self


class FaultBook:
    """The faults set at present, with what is left of their counts."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: list[tuple[Fault, Random]] = []
        self._left: list[int | None] = []

    def replace(self, faults: list[Fault]) -> None:
        """Forget the present faults and set these."""
        self._faults = [(f, generator(self._seed, "fault", i)) for i, f in enumerate(faults)]
        self._left = [fault.count for fault in faults]

    def listing(self) -> list[dict[str, object]]:
        """The faults as they were set, each with ``remaining`` (None: without end)."""
        return [
            fault.model_dump(exclude_unset=True) | {"remaining": left}
            for (fault, _), left in zip(self._faults, self._left, strict=True)
        ]

    def draw(self, model: str) -> tuple[Fault, ...]:
        """Return the faults that strike the next request for the model, and count them."""
        struck = []
        for index, (fault, random) in enumerate(self._faults):
            left = self._left[index]
            if left == 0 or not fnmatchcase(model, fault.match):
                continue
            if fault.rate is not None and random.random() >= fault.rate:
                continue
            if left is not None:
                self._left[index] = left - 1
            struck.append(fault)
        return tuple(struck)


def from_profile(profile: Profile, random: Random) -> tuple[Fault, ...]:
    """Draw the failure a profile's rates give one request; a cut falls within 30 tokens."""
    error, throttle, cut, where = (random.random() for _ in range(4))
    if throttle < profile.throttle_rate:
        return (Fault(kind="status", status=429, retry_after=1),)
    if error < profile.error_rate:
        return (Fault(kind="status", status=500),)
    if cut < profile.cut_rate:
        return (Fault(kind="cut_mid_stream", after_tokens=1 + int(where * 30)),)
    return ()
