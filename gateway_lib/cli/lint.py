"""`gateway lint`: what is wrong with the LiteLLM configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    from gateway_lib.cli.findings import near, tell
    from gateway_lib.config.layers import chosen
    from gateway_lib.settings import process_environment, settings

    environment = process_environment()
    paths = [path]
    if path is None:
        overlays = [config.CONFIG_DIR / f"{place}.yaml" for place in ("local", "aws")]
        paths = [chosen(settings().config), *overlays]
    found = sorted({one for each in paths if each for one in config.lint(each, environment)})
    checked = ", ".join(near(each) for each in paths if each)
    return tell(found, as_json=as_json, good=f"nothing wrong in {checked}", note=f"in {checked}")
