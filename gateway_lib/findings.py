"""What a check of files found: one fault, where it stands, and how to mend it.

`gateway lint` (the LiteLLM configuration) and `gateway validate` (the deployment tree) speak in these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """Whether a finding fails the check."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of one file."""

    path: Path
    """The file it stands in."""
    line: int
    """The line, from 1; 0 where the fault is of the file as a whole."""
    rule: str
    """A stable name, `kind/of-fault`, for machines and for looking it up in the docs."""
    problem: str
    """What is wrong and what would happen, in a sentence. Never the value of a secret."""
    mend: str
    """What to write instead."""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.problem} {self.mend} [{self.rule}]"


def failing(findings: Iterable[Finding]) -> list[Finding]:
    """Those that fail the check."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
