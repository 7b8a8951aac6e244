"""`gateway lint`: what is wrong with the LiteLLM configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from gateway_lib.findings import Finding

_COLOURS = {"error": "bold red", "warning": "yellow"}
_out = Console(highlight=False)


def register(app: typer.Typer) -> None:
    """Add `lint` to `app`."""
    app.command("lint")(lint)


def lint(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A configuration, or an overlay to be laid over it."
            "  [default: GATEWAY_CONFIG, else config/config.yaml, else the default one,"
            " each with both overlays]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check the LiteLLM configuration, offline: settings, models, keys, routing, guardrails, cache, budgets.

    The exit status is 1 when there is an error; warnings alone do not fail. All rules: docs/configuration.md.
    """
    from gateway_lib import config
    from gateway_lib.config.layers import chosen
    from gateway_lib.findings import failing
    from gateway_lib.settings import process_environment, settings

    environment = process_environment()
    paths = [path]
    if path is None:
        overlays = [config.CONFIG_DIR / f"{place}.yaml" for place in ("local", "aws")]
        paths = [chosen(settings().config), *overlays]
    found = sorted({one for each in paths if each for one in config.lint(each, environment)})
    errors = len(failing(found))
    if as_json:
        typer.echo(json.dumps(_document(found, errors), indent=2))
    else:
        _show(found)
        checked = ", ".join(_near(each) for each in paths if each)
        _out.print(_summary(errors, len(found) - errors, checked), style="red" if errors else "")
    return 1 if errors else 0


def _show(findings: Sequence[Finding]) -> None:
    for path, group in groupby(findings, key=lambda one: one.path):
        _out.print(Text(_near(path), "bold"), soft_wrap=True)
        for one in group:
            head = Text(f"{one.line or '-':>4}  ")
            head.append(f"{one.severity:<8}", _COLOURS[one.severity])
            head.append(one.rule, "dim")
            _out.print(head, soft_wrap=True)
            _out.print(Padding(Text(one.problem), (0, 0, 0, 6)))
            _out.print(Padding(Text(one.mend, "cyan"), (0, 0, 0, 6)))
        _out.print()


def _summary(errors: int, warnings: int, checked: str) -> str:
    if not errors and not warnings:
        return f"nothing wrong in {checked}"
    return f"{_many(errors, 'error')}, {_many(warnings, 'warning')} in {checked}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(findings: Sequence[Finding], errors: int) -> dict[str, object]:
    told = [
        {
            "path": str(one.path),
            "line": one.line,
            "rule": one.rule,
            "severity": one.severity.value,
            "problem": one.problem,
            "mend": one.mend,
        }
        for one in findings
    ]
    return {"errors": errors, "warnings": len(findings) - errors, "findings": told}


def _near(path: Path) -> str:
    """The path from here when it lies below, else whole."""
    here, whole = Path.cwd(), path.resolve()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)
