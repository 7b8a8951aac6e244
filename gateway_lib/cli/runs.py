"""`gateway run` and `gateway runs`: executing notebooks and looking at what they found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_lib.cli import comparison
from gateway_lib.cli.options import GatewayOption, JsonOption, RunsDirOption
from gateway_lib.errors import NotebookFailed, NotebookNotFound, RunInterrupted

if TYPE_CHECKING:
    from gateway_lib.runs.manifest import Manifest
    from gateway_lib.runs.plan import Plan
    from gateway_lib.runs.runner import Runner


_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "interrupted": "yellow",
    "running": "blue",
    "interactive": "dim",
}
_GAP = 2
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False, soft_wrap=True)

runs = typer.Typer(help="The runs so far.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `run` and `runs` to `app`."""
    comparison.register(runs)
    app.command("run")(run)
    app.add_typer(runs, name="runs")


def run(
    notebooks: Annotated[
        list[str] | None, typer.Argument(help="Names or paths, .ipynb may be left out.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", "-p", metavar="KEY=VALUE", help="For every notebook that has it."
        ),
    ] = None,
    gateway: GatewayOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Every notebook in notebooks/.")] = False,
    replay: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Do a run again: its notebook with its parameters."),
    ] = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> int:
    """Execute notebooks on the gateway, one after the other, and keep a record of each."""
    if replay is not None and (notebooks or parameters or all_):
        raise NotebookNotFound("--replay takes notebook and parameters from the run: give it alone")
    plans = (
        [_replayed(replay, runs_dir)]
        if replay is not None
        else _planned(notebooks or [], parameters or [], all_)
    )
    from gateway_lib.runs.session import opened_runner  # seconds: after what can be refused at once

    with opened_runner(
        gateway=gateway,
        runs_dir=runs_dir,
        progress=not as_json,
        report=lambda line: _progress.print(line, style="dim", markup=False),
    ) as runner:
        done = _execute(plans, runner)
        _print_done(done, runner.runs_dir, as_json)
    if done[-1].status == "interrupted":
        raise RunInterrupted(f"{done[-1].notebook}: interrupted")
    failed = [f"{m.notebook}: {m.error}" for m in done if m.status != "succeeded"]
    if failed:
        many = f"{len(failed)} of {len(done)} notebooks failed: " if len(failed) > 1 else ""
        raise NotebookFailed(many + "; ".join(failed))
    return 0


def _planned(notebooks: list[str], parameters: list[str], all_: bool) -> list[Plan]:
    from gateway_lib.runs.parameters import split_assignments
    from gateway_lib.runs.plan import all_notebooks, find_notebook, plan_all
    from gateway_lib.runs.redaction import redactor
    from gateway_lib.settings import process_environment

    paths = all_notebooks() if all_ else [find_notebook(name) for name in notebooks]
    if not paths or (all_ and notebooks):
        raise NotebookNotFound("name the notebooks to run, or give --all alone")
    return plan_all(paths, split_assignments(parameters), redactor(process_environment()))


def _replayed(run_id: str, runs_dir: Path | None) -> Plan:
    from gateway_lib.runs.redaction import redactor
    from gateway_lib.runs.registry import find_run
    from gateway_lib.runs.replay import differences, replay_plan
    from gateway_lib.settings import process_environment

    entry = find_run(_runs_dir(runs_dir), run_id)
    plan = replay_plan(entry, redactor(process_environment()))
    for difference in differences(entry, plan):
        _progress.print(f"not as it was: {difference}", style="yellow", markup=False)
    return plan


def _execute(plans: list[Plan], runner: Runner) -> list[Manifest]:
    """Manifests in order; a failure does not keep the later ones from running, Ctrl-C does."""
    done: list[Manifest] = []
    for plan in plans:
        if not _progress.is_terminal:
            _progress.print(f"running {plan.notebook.stem}", style="dim", markup=False)
        done.append(runner.run(plan))
        if done[-1].status == "interrupted":
            break
    return done


def _print_done(done: list[Manifest], runs_dir: Path, as_json: bool) -> None:
    index = runs_dir / "index.html"
    if as_json:
        rows = [{**_brief(m), "folder": str(runs_dir / m.id)} for m in done]
        typer.echo(json.dumps({"runs": rows, "index": str(index)}, indent=2))
        return
    _out.print(_table(done))
    for manifest in done:
        _out.print(f"report  {_near(runs_dir / manifest.id / 'report.html')}", soft_wrap=True)
    _out.print(f"all     {_near(index)}", soft_wrap=True)


@runs.command("list")
def list_(runs_dir: RunsDirOption = None, as_json: JsonOption = False) -> None:
    """Every run, newest first."""
    from gateway_lib.runs.registry import list_runs

    manifests = [entry.manifest for entry in list_runs(_runs_dir(runs_dir))]
    if as_json:
        typer.echo(json.dumps([_brief(manifest) for manifest in manifests], indent=2))
    elif manifests:
        _out.print(_table(manifests, ids=True, one_line=True))
    else:
        _out.print("no runs yet: `gateway run 00_quickstart` makes the first", markup=False)


@runs.command("show")
def show(
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="Id, a unique beginning of it, or `latest`.")
    ],
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """One run: its parameters, figures, origin and files."""
    from gateway_lib.runs.registry import find_run

    entry = find_run(_runs_dir(runs_dir), run_id)
    manifest = entry.manifest
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    _out.print(_table([manifest], ids=True))
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(manifest).items():
        facts.add_row(Text(name, "dim"), Text(str(value)))
    _out.print(facts)
    for artefact in manifest.artefacts:
        path = _near(entry.folder / artefact.path)
        _out.print(f"{artefact.bytes:>12,} B  {path}", markup=False, soft_wrap=True)


def _facts(manifest: Manifest) -> dict[str, Any]:
    from gateway_lib.runs.words import moment_text

    passed = manifest.parameters.passed
    given = {
        name: f"{value!r}{'' if name in passed else ' (default)'}"
        for name, value in manifest.parameters.effective.items()
    }
    versions = ", ".join(f"{k} {v}" for k, v in manifest.gateway.versions.items())
    git = manifest.git
    commit = f"{git.commit}{' with changes' if git.dirty else ''}" if git.commit else "unknown"
    return {
        "started": moment_text(manifest.started),
        **({"replay of": manifest.replay_of} if manifest.replay_of else {}),
        **given,
        "gateway": f"{manifest.gateway.url or 'unknown'} ({versions or 'version unknown'})",
        "commit": commit,
        "lock": manifest.lock_sha256 or "unknown",
        "python": f"{manifest.machine.python}, {manifest.machine.system}",
        "load": ", ".join(f"{load:.2f}" for load in manifest.machine.load_at_start),
        **({"error": manifest.error} if manifest.error else {}),
    }


def _brief(manifest: Manifest) -> dict[str, Any]:
    wanted = {"id", "notebook", "status", "error", "started", "duration_s", "metrics"}
    return manifest.model_dump(mode="json", include=wanted)


def _table(manifests: list[Manifest], *, ids: bool = False, one_line: bool = False) -> Table:
    from gateway_lib.runs.words import duration_text, figure_text

    table = Table(box=None, header_style="dim", padding=(0, _GAP, 0, 0))
    headings = ("run" if ids else "notebook", "status", "took")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    table.add_column("headline")
    rows = [(m.id if ids else m.notebook, m.status, duration_text(m.duration_s)) for m in manifests]
    taken = sum(max(map(len, cells)) + _GAP for cells in zip(headings, *rows, strict=True))
    for manifest, (name, status, took) in zip(manifests, rows, strict=True):
        shown = [figure_text(name, value) for name, value in manifest.metrics.items()]
        headline = Text(" · ".join(f"{label} {value}" for label, value in shown))
        if one_line:
            headline.truncate(max(0, _out.width - taken - _GAP), overflow="ellipsis")
        table.add_row(Text(name), Text(status, _COLOURS[status]), Text(took), headline)
    return table


def _runs_dir(given: Path | None) -> Path:
    from gateway_lib.settings import settings

    return given or settings().runs_dir


def _near(path: Path) -> str:
    """The path from here when it lies below, else whole."""
    here = Path.cwd()
    whole = path.resolve()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)
