"""`gateway validate`: what is wrong with the Copilot tree, before anything is paid for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gateway_lib.errors import SettingsError


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
    from gateway_lib.cli.findings import tell
    from gateway_lib.deploy import tree

    began = time.monotonic()
    root = _root(path)
    findings = tree.validate(root, _variables(env_file), cfn_lint=cfn_lint)
    took = f"({time.monotonic() - began:.1f} s)"
    return tell(findings, as_json=as_json, good=f"the tree is right {took}", note=took)


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
