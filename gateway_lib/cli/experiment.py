"""`gateway experiment`: planning, starting, watching, analysing and ending experiments between models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from gateway_lib.cli.analysing import (
    analysed_run,
    enough,
    kept,
    opened,
    show,
    table_of,
    target,
)
from gateway_lib.cli.options import GatewayOption, JsonOption, RunsDirOption
from gateway_lib.errors import ExperimentError

if TYPE_CHECKING:
    from gateway_lib.experiments.file import Experiment

FileArgument = Annotated[
    str,
    typer.Argument(metavar="EXPERIMENT", help="File, or the name of one in config/experiments."),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Of an experiment of the gateway's.")
]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME|RUN|FILE",
        help="An experiment, a run that has its outcomes, or a Parquet file.",
    ),
]
VersionOption = Annotated[
    int | None, typer.Option("--version", help="Of the experiment.  [default: the newest]", min=1)
]

experiment = typer.Typer(help="Experiments between models, with sticky arms.", no_args_is_help=True)
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False)


def register(app: typer.Typer) -> None:
    """Add `experiment` to `app`."""
    app.add_typer(experiment, name="experiment")


@experiment.command("plan")
def plan(
    file: FileArgument,
    units_per_day: Annotated[
        float | None, typer.Option(help="New units that come in a day, to all arms.", min=0.001)
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Check an experiment's file, and say how many units it needs, before there is any traffic.

    The exit status is 1 when the file has an error.
    """
    from dataclasses import asdict

    from gateway_lib.experiments.design import plan as planned
    from gateway_lib.experiments.tables import plan_table

    wanted, warnings = _checked(file)
    made = planned(wanted, units_per_day=units_per_day)
    _warn(warnings, as_json)
    if as_json:
        typer.echo(json.dumps({**asdict(made), "digest": wanted.digest}, indent=2))
        return 0
    _out.print(table_of(plan_table(made), ""))
    for sentence in made.assumptions:
        _out.print(f"- {sentence}", markup=False)
    return 0


@experiment.command("start")
def start(
    file: FileArgument,
    new_version: Annotated[
        bool, typer.Option("--new-version", help="Stop a running version of another file for this.")
    ] = False,
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the file, freeze it, and have `experiment/NAME` answered by its arms.

    Started twice, the second time changes nothing. A file that differs from what is running is refused,
    unless a new version is asked for, which assigns all units anew.
    """
    wanted, warnings = _checked(file)
    with opened(gateway) as live:
        _told(live.start(wanted, new_version=new_version), as_json)
    _warn(warnings, as_json)


@experiment.command("status")
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="All when not given.")
    ] = None,
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what runs, and how many calls and units each arm has had."""
    with opened(gateway) as live:
        found = live.list() if name is None else [live.status(name)]
    if as_json:
        typer.echo(json.dumps(found if name is None else found[0], indent=2))
        return
    if not found:
        _out.print("no experiment yet")
    for each in found:
        _told(each, False)


@experiment.command("ramp")
def ramp(
    name: NameArgument,
    share: Annotated[
        float, typer.Argument(help="Of the layer's units: 0.5 for half.", min=0, max=1)
    ],
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a larger share of the units take part; nobody who does is moved."""
    with opened(gateway) as live:
        _told(live.ramp(name, share), as_json)


@experiment.command("traffic")
def traffic(
    name: NameArgument,
    users: Annotated[int, typer.Option(help="How many.", min=1)] = 100,
    calls: Annotated[float, typer.Option(help="Calls of each, on average.", min=1)] = 5.0,
    concurrency: Annotated[int, typer.Option(help="Calls at the same time, at most.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Of who asks what.")] = 1,
    prefix: Annotated[
        str, typer.Option(help="Of the users' names; another one, other users.")
    ] = "user",
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let simulated users ask questions with known answers, and say whether each answer was right.

    They call with GATEWAY_API_KEY, over both interfaces, half of them streamed. On a gateway with real
    models this costs money.
    """
    import asyncio

    from gateway_lib.experiments.traffic import Crowd, send, traffic_summary

    crowd = Crowd(users=users, calls=calls, concurrency=concurrency, seed=seed, prefix=prefix)
    known = target(gateway)
    with opened(gateway) as live:
        model = live.started(name)[0].routing.model
    frame = asyncio.run(send(model, crowd, known, quiet=as_json))
    if as_json:
        failed = int(frame["error"].notna().sum())
        told = {"calls": len(frame), "users": int(frame["user"].nunique()), "failed": failed}
        typer.echo(json.dumps({**told, "arms": frame["arm"].value_counts().to_dict()}, indent=2))
    else:
        _out.print(traffic_summary(frame), markup=False)


@experiment.command("watch")
def watch(
    name: NameArgument,
    every: Annotated[float, typer.Option(help="Seconds between looks.", min=0.5)] = 60.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, as a scheduled job does.")
    ] = False,
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at an experiment again and again, and stop it where a guardrail with `stops` is shown violated.

    It ends when the experiment runs no more.
    """
    from gateway_lib.experiments.watching import Look, look, watch

    def tell(found: Look) -> None:
        if as_json:
            verdict = found.analysis.verdict.decision if found.analysis else None
            line = {"state": found.state, "calls": found.calls, "verdict": verdict}
            typer.echo(json.dumps({**line, "stopped_for": list(found.stopped_for)}))
        else:
            _out.print(found.words(), markup=False, soft_wrap=True)

    with opened(gateway) as live:
        for found in [look(live, name)] if once else watch(live, name, every_s=every):
            tell(found)


@experiment.command("analyse")
def analyse(
    source: SourceArgument,
    version: VersionOption = None,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what an experiment's outcomes say: split, effects, guardrails, verdict.

    Outcomes that come from the gateway are kept as a run, with figures, a report and the decision memo.
    """
    from gateway_lib.experiments.watching import analysed

    known = kept(source, runs_dir, version)
    if known is None:
        frame, analysis, said, folder = analysed_run(source, version, gateway, runs_dir)
    else:
        from gateway_lib.experiments import outcomes

        frame, folder = outcomes.load_outcomes(known), None
        said, found = outcomes.about(frame)[0], analysed(frame)
        analysis = enough(found, source)
    if as_json:
        document = {**analysis.document(), "run": folder.name if folder else None}
        typer.echo(json.dumps(document, indent=2))
        return
    show(analysis, said)
    if folder is not None:
        _out.print(f"memo: {folder / 'memo.html'}", markup=False, soft_wrap=True)


@experiment.command("memo")
def memo(
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help="HTML file.")] = Path("memo.html"),
    version: VersionOption = None,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the decision memo, one page of HTML that needs nothing else."""
    from gateway_lib.experiments import outcomes
    from gateway_lib.experiments.memo import headline, memo_page
    from gateway_lib.experiments.watching import analysed
    from gateway_lib.runs.manifest import write_atomically

    known = kept(source, runs_dir, version)
    if known is None:
        with opened(gateway) as live:
            frame = live.outcomes(source, version=version)
            found = analysed(frame, live.before(source, frame))
    else:
        frame = outcomes.load_outcomes(known)
        found = analysed(frame)
    analysis, said = enough(found, source), outcomes.about(frame)[0]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, memo_page(analysis, said, frame))
    except OSError as error:
        raise ExperimentError(f"cannot write {out}: {error.strerror}") from None
    if as_json:
        typer.echo(json.dumps({"memo": str(out), "verdict": analysis.verdict.decision}, indent=2))
    else:
        _out.print(f"{headline(analysis)}: {out}", markup=False, soft_wrap=True)


@experiment.command("stop")
def stop(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Is kept with the experiment.")] = "stopped by hand",
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment: everybody is answered by the control, on every replica within seconds."""
    with opened(gateway) as live:
        _told(live.stop(name, reason), as_json)


@experiment.command("promote")
def promote(
    name: NameArgument,
    arm: Annotated[str, typer.Argument(help="Arm that everybody gets from now on.")],
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment: `experiment/NAME` is answered by one arm for everybody."""
    with opened(gateway) as live:
        _told(live.promote(name, arm), as_json)


def _checked(file: str) -> tuple[Experiment, list[str]]:
    """The experiment of a file without an error, and a line for each warning.

    Raises:
        ExperimentFileError: It has an error; a line for each.
    """
    from dataclasses import replace

    from gateway_lib.cli.findings import near
    from gateway_lib.experiments.file import load, path_of
    from gateway_lib.experiments.linting import lint, refuse_faulty

    path = path_of(file)
    found = (
        [replace(one, path=Path(near(one.path))) for one in lint(path)] if path.is_file() else []
    )
    refuse_faulty(found)
    return load(file), [f"{one.path}:{one.line}: {one.problem}" for one in found]


def _warn(warnings: list[str], as_json: bool) -> None:
    for line in () if as_json else warnings:
        _progress.print(line, style="yellow", markup=False, soft_wrap=True)


def _told(experiment: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(experiment, indent=2))
        return
    reason = f": {experiment['reason']}" if experiment.get("reason") else ""
    _out.print(
        f"{experiment['name']} version {experiment['version']}: {experiment['state']}{reason};"
        f" {experiment['share']:.0%} of the layer {experiment['layer']} take part; the model is"
        f" {experiment['model']}",
        markup=False,
        soft_wrap=True,
    )
    for arm in experiment.get("arms") or ():
        shadow = " (shadow)" if arm["role"] == "shadow" else ""
        _out.print(
            f"  {arm['arm']}{shadow}: {arm['units']:,} units, {arm['exposures']:,} calls,"
            f" {arm['exposures'] - arm['outcomes']:,} of them open, {arm['failed']:,} failed",
            markup=False,
        )
