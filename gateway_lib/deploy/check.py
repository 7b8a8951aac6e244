"""One thing that was looked at: is it as it must be, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Check:
    """A check of the preflight or of the proof."""

    name: str
    state: State
    found: str
    """What is there, in words; never the value of a secret."""
    mend: str = ""
    """What to do where it is not ok."""
    needed: bool = True
    """Whether a deployment refuses also where it cannot be told."""

    @property
    def refuses(self) -> bool:
        """Whether a real deployment stops here."""
        return self.state is State.FAILED or (self.state is State.UNKNOWN and self.needed)

    def __str__(self) -> str:
        return f"{self.name}: {self.found}" + (f"; {self.mend}" if self.mend else "")


def ok(name: str, found: str) -> Check:
    return Check(name, State.OK, found)


def failed(name: str, found: str, mend: str) -> Check:
    return Check(name, State.FAILED, found, mend)


def unknown(name: str, found: str, mend: str, *, needed: bool = True) -> Check:
    return Check(name, State.UNKNOWN, found, mend, needed)


def refusals(checks: Iterable[Check]) -> list[Check]:
    """Those that keep a real deployment from starting."""
    return [check for check in checks if check.refuses]
