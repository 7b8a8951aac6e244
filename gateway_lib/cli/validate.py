"""`gateway validate`: what is wrong with the Copilot tree, before anything is paid for."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gateway_lib.errors import SettingsError

if TYPE_CHECKING:
    from gateway_lib.findings import Finding

_COLOURS = {"error": "bold red", "warning": "yellow"}
_out = Console(highlight=False)


def register(app: typer.Typer) -> None:
    """Add `validate` to `app`."""
    app.command("validate")(validate)


def validate(
    path: Annotated[
        Path | None,
        typer.Argument(help="Folder that has `copilot`.  [default: here, else the project]"),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", help="Variables for the manifests.  [default: .env]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    cfn_lint: Annotated[
        bool,
        typer.Option("--cfn-lint/--no-cfn-lint", help="Run cfn-lint on the addons, too."),
    ] = True,
) -> int:
    """Check the Copilot tree, offline: keys, rules of AWS and of Copilot, addons, security.

    The exit status is 1 when there is an error; warnings alone do not fail. docs/validate.md has every rule.
    """
    from gateway_lib.deploy import tree
    from gateway_lib.findings import failing

    began = time.monotonic()
    root = _root(path)
    findings = tree.validate(root, _variables(env_file), cfn_lint=cfn_lint)
    errors = len(failing(findings))
    if as_json:
        typer.echo(json.dumps(_document(findings, errors), indent=2))
    else:
        _show(findings)
        took = time.monotonic() - began
        _out.print(_summary(errors, len(findings) - errors, took), style="red" if errors else "")
    return 1 if errors else 0


def _root(given: Path | None) -> Path:
    from gateway_lib.settings import PROJECT_ROOT

    if given is None:
        return Path() if Path("copilot").is_dir() else PROJECT_ROOT
    inside = given.name == "copilot" and not (given / "copilot").is_dir()
    return given.parent if inside else given


def _variables(env_file: Path | None) -> dict[str, str]:
    """What Copilot would see: the file, and the process, which wins."""
    import os

    from dotenv import dotenv_values

    from gateway_lib.settings import process_environment

    if env_file is None:
        return process_environment()
    if not env_file.is_file():
        raise SettingsError(f"{env_file}: there is no such file")
    return {**{k: v or "" for k, v in dotenv_values(env_file).items()}, **os.environ}


def _show(findings: Sequence[Finding]) -> None:
    for path, group in groupby(findings, key=lambda finding: finding.path):
        _out.print(Text(_near(path), "bold"), soft_wrap=True)
        for finding in group:
            line = str(finding.line) if finding.line else "-"
            head = Text(f"{line:>4}  ")
            head.append(f"{finding.severity:<8}", _COLOURS[finding.severity])
            head.append(f"{finding.rule}", "dim")
            _out.print(head, soft_wrap=True)
            _out.print(Padding(Text(finding.problem), (0, 0, 0, 6)))
            _out.print(Padding(Text(finding.mend, "cyan"), (0, 0, 0, 6)))
        _out.print()


def _summary(errors: int, warnings: int, took: float) -> str:
    if not errors and not warnings:
        return f"the tree is right ({took:.1f} s)"
    return f"{_many(errors, 'error')}, {_many(warnings, 'warning')} ({took:.1f} s)"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(findings: Sequence[Finding], errors: int) -> dict[str, object]:
    told = [
        {
            "path": str(finding.path),
            "line": finding.line,
            "rule": finding.rule,
            "severity": finding.severity.value,
            "problem": finding.problem,
            "mend": finding.mend,
        }
        for finding in findings
    ]
    return {"errors": errors, "warnings": len(findings) - errors, "findings": told}


def _near(path: Path) -> str:
    """The path from here when it lies below, else whole."""
    here, whole = Path.cwd(), path.resolve()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)
