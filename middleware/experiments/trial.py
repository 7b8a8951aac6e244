"""One call of an experiment, as the interfaces see it who make the call: `scope["state"]["trial"]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from starlette.types import Scope

from middleware.experiments.definition import Arm
from middleware.json_object import UNCACHED

# other names for what an arm sets
_SAME = {"max_tokens": ("max_completion_tokens",)}


@dataclass(slots=True)
class Heard:
    """What LiteLLM said beside the answer."""

    model: str | None = None
    is_blocked: bool = False
    """Whether a guardrail has answered instead of the model."""
    usage: dict[str, Any] = field(default_factory=dict)

    def take(self, said: Any) -> None:
        """Take in a completion, or a chunk of one."""
        if not isinstance(said, dict):
            return
        if isinstance(model := said.get("model"), str):
            self.model = model
        if isinstance(usage := said.get("usage"), dict):
            self.usage = usage

    def count(self, name: str) -> int | None:
        """A number of tokens."""
        found = self.usage.get(name)
        return found if type(found) is int and 0 <= found < 2**63 else None

    @property
    def cost(self) -> float | None:
        """Dollars, where the usage says so."""
        found = self.usage.get("cost")
        return float(found) if isinstance(found, int | float) else None


def _nothing() -> None:
    """Most calls have no shadow."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an arm changes of a call."""

    arm: Arm
    is_counted: bool
    """Whether the call takes part; others are only served as the arm would be."""
    opening: UUID | None = None
    """The id of the conversation that the call opens, where it had to be known before."""
    overhears: str = ""
    """Request id of the call beside which this one is made: it reads a conversation and is no turn of it."""
    heard: Heard = field(default_factory=Heard)
    reserved: Callable[[], None] = _nothing
    """To be called once the call has its slot, and its reservation where its caller has a budget."""

    @property
    def instruction(self) -> list[dict[str, Any]]:
        """What stands before the messages; it is no part of the conversation."""
        return [{"role": "system", "content": self.arm.system}] if self.arm.system else []

    def apply(self, body: dict[str, Any]) -> None:
        """Have the arm's parameters in the body of a chat completion."""
        for name, value in self.arm.parameters.items():
            for other in _SAME.get(name, ()):
                body.pop(other, None)
            body[name] = value
        if self.is_counted:
            # an answer from a cache, or one that is put there, would be another arm's as well
            body["cache"] = dict(UNCACHED)


def instructed(instruction: list[dict[str, Any]], messages: Any) -> Any:
    """Messages, a list or the JSON of one, behind an instruction."""
    if not instruction:
        return messages
    if isinstance(messages, list):
        return [*instruction, *messages]
    return orjson.Fragment(orjson.dumps(instruction)[:-1] + b"," + orjson.dumps(messages)[1:])


def trial_of(scope: Scope) -> Trial | None:
    """The trial that a request is, if it is one."""
    found: Trial | None = scope["state"].get("trial")
    return found
