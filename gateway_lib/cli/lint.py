"""`gateway lint`: what is wrong with the LiteLLM configuration, an experiment's file, or the locks."""

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
            help="A configuration, an overlay to be laid over it, or an experiment."
            "  [default: GATEWAY_CONFIG, else config/config.yaml, else the default one,"
            " each with both overlays; all of config/experiments; and the requirement locks]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check the LiteLLM configuration, offline: settings, models, keys, routing, guardrails, cache, budgets.

    Experiments (config/experiments) and the requirement locks are checked too. The exit status is 1 when
    there is an error; warnings alone do not fail. All rules: docs/configuration.md, docs/experiments.md and
    docs/dependencies.md.
    """
    from gateway_lib import config, locks
    from gateway_lib.cli.findings import near, tell
    from gateway_lib.config.layers import chosen
    from gateway_lib.experiments import linting as experiments
    from gateway_lib.experiments.file import EXPERIMENTS
    from gateway_lib.settings import PROJECT_ROOT, process_environment, settings

    if path is not None and experiments.is_experiment(path):
        good, note = f"nothing wrong in {near(path)}", f"in {near(path)}"
        return tell(experiments.lint(path), as_json=as_json, good=good, note=note)
    environment = process_environment()
    paths = [path]
    if path is None:
        overlays = [config.CONFIG_DIR / f"{place}.yaml" for place in ("local", "aws")]
        paths = [chosen(settings().config), *overlays]
    found = sorted({one for each in paths if each for one in config.lint(each, environment)})
    checked = ", ".join(near(each) for each in paths if each)
    if path is None:
        found += [*experiments.lint_folder(), *locks.check(PROJECT_ROOT)]
        checked += f", {near(EXPERIMENTS)}, the requirement locks"
    return tell(found, as_json=as_json, good=f"nothing wrong in {checked}", note=f"in {checked}")
