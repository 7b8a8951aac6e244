"""A rule: a name, what it is for, and the check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gateway_lib.config.linting.context import Context, finding
from gateway_lib.findings import Finding, Severity

Places = Iterator[tuple[tuple[Path, int], str, str] | tuple[tuple[Path, int], str, str, Severity]]
"""What a check yields: place, problem, mend, and a severity where it is not the rule's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault."""

    name: str
    summary: str
    """What is found, as one row of the table in docs/configuration.md."""
    check: Callable[[Context], Places]
    severity: Severity = Severity.ERROR

    def findings(self, context: Context) -> Iterator[Finding]:
        """The faults of this kind."""
        for place, problem, mend, *severity in self.check(context):
            yield finding(place, self.name, problem, mend, *(severity or [self.severity]))


def rule(
    name: str, summary: str, severity: Severity = Severity.ERROR
) -> Callable[[Callable[[Context], Places]], Rule]:
    """Make a rule of a check."""
    return lambda check: Rule(name, summary, check, severity)


def meant(word: object, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    names = sorted(known)
    longer = [name for name in names if name.startswith(f"{word}_")]
    close = longer[:1] or get_close_matches(str(word), names, n=1, cutoff=0.8)
    return close[0] if close else None
