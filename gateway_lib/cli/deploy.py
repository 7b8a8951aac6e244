"""`gateway deploy` and `gateway deploy images | export | destroy`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_lib.errors import DeployError

if TYPE_CHECKING:
    from gateway_lib.deploy import Outcome, Prepared
    from gateway_lib.deploy.destroy import Removal
    from gateway_lib.deploy.on_aws import AwsDeployment
    from gateway_lib.deploy.plan import Step
    from gateway_lib.deploy.tables import Rows


class TargetName(StrEnum):
    """Where to."""

    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


class EnvironmentName(StrEnum):
    """An environment on AWS."""

    DEV = "dev"
    PROD = "prod"


RootOption = Annotated[
    Path | None, typer.Option("--root", help="The checkout.  [default: this one]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, never with a secret in it.")]
EnvironmentOption = Annotated[EnvironmentName, typer.Option("--target", "-t", help="Which.")]

_COLOURS = {
    "ok": "green",
    "failed": "bold red",
    "cannot tell": "yellow",
    "error": "bold red",
    "warning": "yellow",
    "yes": "green",
    "no": "dim",
}
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False, soft_wrap=True)

deploy = typer.Typer(invoke_without_command=True, no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add `deploy` to `app`."""
    app.add_typer(deploy, name="deploy")


@deploy.callback()
def main(
    context: typer.Context,
    target: Annotated[
        TargetName, typer.Option("--target", "-t", help="Where to.")
    ] = TargetName.LOCAL,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Deploy; without it nothing is changed.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove/--no-prove", help="Make the calls of the proof afterwards.")
    ] = True,
    model: Annotated[
        str, typer.Option(help="What the proof calls.  [default: amazon.nova-lite-v1:0]")
    ] = "",
    prices: Annotated[
        Path | None,
        typer.Option(
            help="Price list to lay over the built-in one.  [default: config/prices.yaml]"
        ),
    ] = None,
    cfn_lint: Annotated[
        bool, typer.Option("--cfn-lint/--no-cfn-lint", help="Run cfn-lint on the addons, too.")
    ] = True,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what a deployment would do, and with --yes do it.

    Preflight, lint, validate, a cost estimate and the plan change nothing, and need neither Copilot nor AWS.
    With --yes a deployment refuses where something is missing, else runs what is not deployed yet, and then
    proves that the gateway does what it must. Stopped at any moment, the next one goes on.
    """
    if context.invoked_subcommand is not None:
        return 0
    from gateway_lib.deploy import open_deployment
    from gateway_lib.deploy.tables import outcome_document, prepared_document

    deployment = open_deployment(
        target, report=_say, root=root, prices=prices, model=model, cfn_lint=cfn_lint
    )
    prepared = deployment.prepare()
    if not as_json:
        _show(prepared)
    outcome = deployment.apply(prepared, prove=prove) if yes else None
    if as_json:
        document = prepared_document(prepared)
        done = outcome_document(outcome) if outcome else None
        typer.echo(json.dumps({**document, "outcome": done}, indent=2))
    elif outcome:
        _show_outcome(outcome)
    else:
        _out.print("nothing was changed; `--yes` deploys", style="dim")
    if outcome:
        outcome.refuse()
    return 0


@deploy.command("images")
def images(
    again: Annotated[
        bool, typer.Option("--again", help="Ask for all of them, to follow their tags.")
    ] = False,
    root: RootOption = None,
) -> None:
    """Write the digests of the base images, as their registries tell them, into copilot/images.yaml."""
    from gateway_lib.deploy.images import read_images, resolve, write_digests
    from gateway_lib.settings import PROJECT_ROOT

    path = (root or PROJECT_ROOT) / "copilot" / "images.yaml"
    found, missing = resolve(read_images(path), again=again)
    written = write_digests(path, found)
    for image in found:
        word = "written" if image.name in written else "as it was"
        _out.print(f"{image.name}: {image.reference} ({word})", markup=False, soft_wrap=True)
    if missing:
        lines = [f"{name}: {why}" for name, why in missing.items()]
        raise DeployError("\n".join(["no digest was had of", *lines]))


@deploy.command("export")
def export(
    target: EnvironmentOption,
    output: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="[default: cloudformation/<target>]")
    ] = None,
    root: RootOption = None,
) -> None:
    """Write a deployed environment as plain CloudFormation, which needs no Copilot any more."""
    from gateway_lib.deploy import export as exporting

    deployment = _on_aws(target, root)
    _, copilot, _ = deployment.tools()
    folder = output or deployment.site.root / "cloudformation" / target
    with deployment.alone():
        files = exporting.export(deployment.site, copilot, folder)
    for file in files:
        words = " (from S3 only)" if file.through_s3 else ""
        _out.print(f"{file.bytes:>10,} B  {file.path}{words}", markup=False, soft_wrap=True)
    _out.print(f"how to use them: {folder / 'README.md'}", markup=False, soft_wrap=True)


@deploy.command("destroy")
def destroy(
    target: EnvironmentOption,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm", metavar="NAME", help="The environment's name; else it is asked for."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go and what stays, and leave it.")
    ] = False,
    root: RootOption = None,
) -> None:
    """Say what data stays, and delete an environment once its name is typed."""
    from gateway_lib.deploy import destroy as destroying
    from gateway_lib.deploy import inventory

    deployment = _on_aws(target, root)
    _, copilot, progress = deployment.tools()
    removal = destroying.plan(deployment.site, inventory.take(copilot, deployment.site))
    _show_removal(removal)
    if dry_run or not removal.commands:
        return
    typed = confirm if confirm is not None else _typed(target)
    destroying.confirm(deployment.site, typed)
    with deployment.alone():
        destroying.carry_out(deployment.site, removal, copilot, progress, _say)
    _out.print("deleted")


def _on_aws(target: EnvironmentName, root: Path | None) -> AwsDeployment:
    from gateway_lib.deploy.on_aws import AwsDeployment
    from gateway_lib.deploy.site import Site
    from gateway_lib.settings import PROJECT_ROOT

    return AwsDeployment(Site.of(target, root=root or PROJECT_ROOT), _say)


def _typed(target: EnvironmentName) -> str | None:
    if not sys.stdin.isatty():
        return None
    return str(typer.prompt(f"Type {target} to delete it", default="", show_default=False)).strip()


def _say(line: str) -> None:
    _progress.print(line, markup=False, style="dim")


def _show(prepared: Prepared) -> None:
    from gateway_lib.deploy import tables

    estimate, root = prepared.estimate, prepared.site.root
    _section("preflight", tables.check_rows(prepared.checks))
    for title, findings in (("lint", prepared.lint), ("validate", prepared.tree)):
        _section(title, tables.finding_rows(findings, root), "no fault")
    if estimate.lines:
        _section("cost of a month", tables.cost_rows(estimate))
        for note in estimate.notes:
            _out.print(note, style="yellow", markup=False, soft_wrap=True)
    _show_plan(prepared.steps)
    _out.print()
    _out.print(tables.summary(prepared), markup=False, soft_wrap=True)


def _show_plan(steps: Sequence[Step]) -> None:
    """A line to copy for each step, and what it creates."""
    _out.print()
    _out.print("plan", style="bold")
    for number, step in enumerate(steps, 1):
        style = "" if step.runs else "dim"
        _out.print(f"{number}. {step.command}", style=style, markup=False, soft_wrap=True)
        word = step.why if step.runs else f"nothing to do, {step.why}"
        _out.print(f"   {word}: {step.creates}", style="dim", markup=False, soft_wrap=True)


def _show_outcome(outcome: Outcome) -> None:
    from gateway_lib.deploy import tables

    _section("deployed", [{"what": k, "is": _words(v)} for k, v in outcome.outputs.items() if v])
    if outcome.proof:
        _section("proof", tables.check_rows(outcome.proof))


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _show_removal(removal: Removal) -> None:
    if removal.kept:
        _out.print("These stay, and some of them go on costing:")
        rows = [{"name": kept.name, "what": kept.what, "from": kept.where} for kept in removal.kept]
        _section("", rows)
    if removal.protected:
        names = ", ".join(removal.protected)
        _out.print(
            f"AWS refuses to delete {names} while it is protected: switch DeletionProtection off"
            " in the template and deploy the environment first",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if removal.others:
        names = ", ".join(removal.others)
        _out.print(f"The application stays for {names}.", markup=False)
    if not removal.commands:
        _out.print("there is nothing to delete")
        return
    from gateway_lib.deploy.copilot import shown

    _section("to be run", [{"command": shown(arguments)} for arguments in removal.commands])


def _section(title: str, rows: Rows, otherwise: str = "") -> None:
    if title:
        _out.print()
        _out.print(title, style="bold")
    if not rows:
        _out.print(otherwise, style="dim")
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in rows[0]:
        short = name in (
            "check",
            "state",
            "step",
            "runs",
            "group",
            "at rest",
            "at most",
            "severity",
        )
        right = name in ("at rest", "at most")
        table.add_column(name, no_wrap=short, overflow="fold", justify="right" if right else "left")
    for row in rows:
        table.add_row(*(Text(text, _COLOURS.get(text, "")) for text in row.values()))
    _out.print(table)
