"""`gateway guardrails`: what guardrails block, what leaks, and which version is the better one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import progress
from rich.console import Console
from rich.table import Table

from gateway_lib.cli import probing
from gateway_lib.cli.measuring import target
from gateway_lib.cli.options import GatewayOption, JsonOption, RunsDirOption
from gateway_lib.errors import ThresholdMissed

if TYPE_CHECKING:
    import pandas as pd

    from gateway_lib.guardrails.comparison import Change, Versions
    from gateway_lib.guardrails.execution import Progress
    from gateway_lib.guardrails.thresholds import Thresholds
    from gateway_lib.runs.runner import Runner

guardrails = typer.Typer(
    help="Check guardrails: what is blocked, what leaks.", no_args_is_help=True
)
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False)

NamesOption = Annotated[
    list[str],
    typer.Option(
        "--guardrail",
        "-g",
        metavar="NAME",
        help="A name of the gateway's, or bedrock/ID/VERSION for guardrailConfig; /async behind it"
        " for streams that are checked on their way. Repeatable.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add `guardrails` to `app`."""
    probing.register(guardrails)
    app.add_typer(guardrails, name="guardrails")


@guardrails.command("run")
def run(
    names: NamesOption,
    suite: Annotated[
        str, typer.Argument(help="YAML file, or the name of one in config/guardrails.")
    ] = "starting",
    n: Annotated[int, typer.Option("--cases", "-n", help="Cases drawn; 0 for all.", min=0)] = 0,
    interfaces: Annotated[
        list[str] | None, typer.Option("--interface", help="openai or bedrock; both by default.")
    ] = None,
    streamed: Annotated[
        bool | None,
        typer.Option("--streamed/--not-streamed", help="Only such answers; both by default."),
    ] = None,
    model: Annotated[str, typer.Option(help="Model for guardrails by name.")] = "gpt-4o-mini",
    bedrock_model: Annotated[
        str, typer.Option(help="Model of Bedrock's for guardrailConfig.")
    ] = "amazon.nova-lite-v1:0",
    leak_pct: Annotated[
        float | None, typer.Option("--max-leaks", help="Percent of cases that may leak.", min=0)
    ] = None,
    false_alarm_pct: Annotated[
        float | None,
        typer.Option("--max-false-alarms", help="Percent of harmless cases stopped.", min=0),
    ] = None,
    streaming: Annotated[
        int | None,
        typer.Option("--max-streaming-leak", help="Tokens of one blocked answer.", min=0),
    ] = None,
    error_pct: Annotated[
        float, typer.Option("--max-errors", help="Percent of calls that may fail.", min=0)
    ] = 5.0,
    concurrency: Annotated[int, typer.Option(help="Calls under way.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Of the cases drawn and of the order.", min=0)] = 0,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a suite through guardrails, and keep what came of it as a run: one row per call, figures.

    Each limit holds for every way of checking. Exit status 3: one was missed. 4: too many calls failed.
    No text of a case is kept or printed.
    """
    from gateway_lib.guardrails import execution, planning
    from gateway_lib.guardrails.suite import load_suite
    from gateway_lib.guardrails.thresholds import Thresholds

    wanted = load_suite(suite).sample(n, seed)
    limits = Thresholds(leak_pct, false_alarm_pct, streaming, error_pct)
    with target(gateway, runs_dir) as runner:
        plan = planning.plan(
            wanted,
            names,
            model=model,
            bedrock_model=bedrock_model,
            interfaces=interfaces or planning.INTERFACES,
            streamed=(False, True) if streamed is None else (streamed,),
            seed=seed,
            settings=runner.target,
        )
        asked = {
            "suite": wanted.name,
            "cases": len(wanted.cases),
            "guardrails": list(names),
            "interfaces": list(plan.interfaces),
            "streamed": list(plan.streamed),
            "model": model,
            "bedrock_model": bedrock_model,
        }
        with _recorded(runner, f"guardrails_{Path(suite).stem}", asked, seed) as kept:
            from gateway_lib.guardrails.keeping import keep

            with _bar(as_json) as told:
                frame = execution.run(plan, runner.target, concurrency=concurrency, progress=told)
            keep(kept, frame)
            _tell(frame, limits, kept.folder, as_json)


@guardrails.command("compare")
def compare(
    before: Annotated[
        str, typer.Argument(metavar="BEFORE", help="Run: its id, a beginning of it, `latest`.")
    ],
    after: Annotated[
        str | None, typer.Argument(metavar="[AFTER]", help="Run in question; BEFORE without it.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Guardrail in use.")
    ] = None,
    second: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="Guardrail to promote.")
    ] = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two versions of a guardrail over the same cases: what one mends and breaks, by an exact test.

    Exit status 3: more leaks, or more is stopped without need, and that is no chance.
    """
    from gateway_lib.guardrails.comparison import compare as compared
    from gateway_lib.guardrails.records import read
    from gateway_lib.runs.registry import find_run
    from gateway_lib.runs.run import RECORDS
    from gateway_lib.settings import settings

    folder = runs_dir or settings().runs_dir
    frames = [read(find_run(folder, run).folder / RECORDS) for run in (before, after or before)]
    names = (first, second or first) if first else None
    found = compared(frames[0], frames[1], names)
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=2))
    else:
        _out.print(_grid(found.table()))
        for change in (found.leaks, found.false_alarms):
            for word, cases in (("mended", change.mended), ("broken", change.broken)):
                if cases:
                    _out.print(f"{change.what} {word}: {', '.join(cases)}", markup=False)
        _out.print(_advice(found), style="bold", markup=False)
    if found.promote is False:
        raise ThresholdMissed(_advice(found))


@contextmanager
def _recorded(runner: Runner, name: str, asked: dict[str, Any], seed: int) -> Iterator[Any]:
    from gateway_lib.runs.manifest import Parameters
    from gateway_lib.runs.provenance import gateway_facts
    from gateway_lib.runs.record import Record, recorded

    record = Record.begin(
        runner.runs_dir,
        name,
        runner.redactor,
        gateway=gateway_facts(runner.target),
        parameters=Parameters(passed=asked, effective=asked),
        seed=seed,
    )
    with recorded(record) as kept:
        yield kept


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress]:
    if quiet:
        yield lambda done, total: None
        return
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=_progress, transient=True) as shown:
        task = shown.add_task("checking", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _tell(frame: pd.DataFrame, limits: Thresholds, folder: Path, as_json: bool) -> None:
    from gateway_lib.guardrails.keeping import summary_of
    from gateway_lib.guardrails.records import KEY, whole
    from gateway_lib.guardrails.scoring import headline
    from gateway_lib.guardrails.tables import rates_table
    from gateway_lib.runs.report import REPORT

    story = frame.attrs[KEY]
    if as_json:
        document = {
            "run": folder.name,
            **story,
            **headline(frame),
            "ways": summary_of(frame),
        }
        print(json.dumps(document, indent=2, default=_number))
    else:
        _out.print(_grid(rates_table(frame)))
        if story["left_out"]:
            _out.print(f"not over Converse: {', '.join(story['left_out'])}", markup=False)
        _out.print(f"report: {folder / REPORT}", markup=False, soft_wrap=True)
    limits.check(whole(frame))


def _grid(table: pd.DataFrame) -> Table:
    shown = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    flat = table.reset_index()
    for name in flat.columns:
        shown.add_column(str(name), no_wrap=True)
    for row in flat.itertuples(index=False):
        shown.add_row(*map(str, row))
    return shown


def _advice(found: Versions) -> str:
    why = ": too few cases differ" if found.promote is None else ""
    verdicts = f"leaks {found.leaks.verdict}, false alarms {found.false_alarms.verdict}"
    return f"{found.advice}{why} ({verdicts})"


def _plain(found: Versions) -> dict[str, Any]:
    def told(change: Change) -> dict[str, Any]:
        return {
            "before": change.before,
            "after": change.after,
            "of": change.n,
            "mended": list(change.mended),
            "broken": list(change.broken),
            "p": change.p,
            "verdict": change.verdict,
        }

    return {
        "promote": found.promote,
        "leaks": told(found.leaks),
        "false_alarms": told(found.false_alarms),
    }


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)
