"""Findings for people and for machines, the same for every command that checks files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gateway_lib.findings import Finding, failing

_COLOURS = {"error": "bold red", "warning": "yellow"}
_INDENT = (0, 0, 0, 6)
_out = Console(highlight=False)


def tell(findings: Sequence[Finding], *, as_json: bool, good: str, note: str) -> int:
    """Print findings, sorted by file, and a line that counts them.

    Args:
        findings: what was found.
        as_json: one JSON document instead, for machines.
        good: what to say where nothing was found.
        note: what stands behind the numbers of errors and warnings.

    Returns:
        the exit status: 1 when there is an error; warnings alone do not fail.
    """
    errors = len(failing(findings))
    warnings = len(findings) - errors
    if as_json:
        told = [_document(finding) for finding in findings]
        document = {"errors": errors, "warnings": warnings, "findings": told}
        typer.echo(json.dumps(document, indent=2))
        return 1 if errors else 0
    _show(findings)
    count = f"{_many(errors, 'error')}, {_many(warnings, 'warning')} {note}"
    _out.print(count if findings else good, style="red" if errors else "")
    return 1 if errors else 0


def near(path: Path) -> str:
    """The path from here when it lies below, else whole."""
    here, whole = Path.cwd(), path.resolve()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def _show(findings: Sequence[Finding]) -> None:
    for path, group in groupby(findings, key=lambda finding: finding.path):
        _out.print(Text(near(path), "bold"), soft_wrap=True)
        for finding in group:
            head = Text(f"{finding.line or '-':>4}  ")
            head.append(f"{finding.severity:<8}", _COLOURS[finding.severity])
            head.append(finding.rule, "dim")
            _out.print(head, soft_wrap=True)
            _out.print(Padding(Text(finding.problem), _INDENT))
            _out.print(Padding(Text(finding.mend, "cyan"), _INDENT))
        _out.print()


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(finding: Finding) -> dict[str, object]:
    return {
        "path": str(finding.path),
        "line": finding.line,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "problem": finding.problem,
        "mend": finding.mend,
    }
