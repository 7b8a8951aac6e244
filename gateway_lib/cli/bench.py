"""`gateway bench`: measuring a gateway from the command line, on one machine or on several."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway_lib.errors import BenchmarkInterrupted, RunInvalid, SpecError

if TYPE_CHECKING:
    import pandas as pd

    from gateway_lib.benchmark.meter.workers import State
    from gateway_lib.benchmark.plan.spec import Spec
    from gateway_lib.settings import Settings

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="YAML file, or the name of one in config/benchmarks.")
]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a field: -s load.rate_rps=20."),
]
GatewayOption = Annotated[
    str | None, typer.Option(help="Base URL.  [default: $GATEWAY_BASE_URL, else a local stack]")
]
OutOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Parquet file of the records.  [default: one in runs/bench]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

bench = typer.Typer(help="Measure a gateway: latency, throughput, goodput.", no_args_is_help=True)
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False)


def register(app: typer.Typer) -> None:
    """Add `bench` to `app`."""
    app.add_typer(bench, name="bench")


@bench.command("run")
def run(
    spec: SpecArgument,
    changes: ChangeOption = None,
    gateway: GatewayOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what a spec says, and keep one row per request.

    The exit status is 4 when the meter was overloaded and its figures cannot be trusted; the records are
    kept all the same, and say so.
    """
    from gateway_lib.benchmark.meter import workers

    wanted = _spec(spec, changes)
    with _target(gateway) as settings, _bar(as_json) as told:
        frame = workers.run(wanted, settings, told)
    _finish(frame, wanted, _write(frame, spec, out), as_json)


@bench.command("sweep")
def sweep(
    spec: SpecArgument,
    changes: ChangeOption = None,
    start: Annotated[
        float | None, typer.Option(help="First rate.  [default: the spec's]", min=0.001)
    ] = None,
    factor: Annotated[float, typer.Option(help="Of one rate to the one before.", min=1.01)] = 1.5,
    most: Annotated[int, typer.Option(help="Steps.", min=1)] = 12,
    gateway: GatewayOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise the rate until the gateway falls behind, and name the knee."""
    from gateway_lib.benchmark.meter import search as looking

    wanted = _spec(spec, changes)
    with _target(gateway) as settings, _bar(as_json) as told:
        trial = looking.trials(wanted, settings, told)
        found = looking.sweep(trial, start or _rate(wanted), factor=factor, most=most)
    extra = {"knee": found.knee.load, "said": f"knee: {found.knee.said}"}
    _finish(found.frame, wanted, _write(found.frame, spec, out), as_json, extra)


@bench.command("search")
def search(
    spec: SpecArgument,
    changes: ChangeOption = None,
    start: Annotated[
        float | None, typer.Option(help="First rate.  [default: the spec's]", min=0.001)
    ] = None,
    precision: Annotated[
        float, typer.Option(help="How close the rates that meet and fail have to be.", min=0.01)
    ] = 0.1,
    gateway: GatewayOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for the highest rate that meets the spec's objectives (slo)."""
    from gateway_lib.benchmark.meter import search as looking

    wanted = _spec(spec, changes)
    if wanted.slo is None:
        raise SpecError("slo: a search needs objectives, for example -s slo.ttft_ms=500")
    with _target(gateway) as settings, _bar(as_json) as told:
        trial = looking.trials(wanted, settings, told)
        found = looking.search(trial, wanted.slo, start or _rate(wanted), precision=precision)
    extra = {
        "meets_rps": found.rate_rps,
        "fails_rps": found.fails_rps,
        "undecided_rps": list(found.undecided_rps),
        "said": f"objectives: {found.said}",
    }
    _finish(found.frame, wanted, _write(found.frame, spec, out), as_json, extra)


@bench.command("shard")
def shard(
    spec: SpecArgument,
    number: Annotated[int, typer.Option("--shard", help="Which, from 0.", min=0)],
    start_at: Annotated[
        datetime,
        typer.Option(
            help="When all shards start, in UTC: 2026-01-31T12:00:00.",
            formats=["%Y-%m-%dT%H:%M:%S"],
        ),
    ],
    out: Annotated[str, typer.Option(metavar="FILE", help="Parquet file, or s3://BUCKET/KEY.")],
    changes: ChangeOption = None,
    gateway: GatewayOption = None,
) -> None:
    """Measure one shard of a run whose others run elsewhere: as many as the spec's `shards`."""
    from gateway_lib.benchmark.meter.shard import Alone, Job, in_a_loop, measure, stop_on_signals
    from gateway_lib.benchmark.records import places

    wanted = _spec(spec, changes)
    if number >= wanted.shards:
        raise SpecError(f"--shard {number}: the spec has shards: {wanted.shards}, counted from 0")
    places.check(out)
    job = Job(wanted, number, start_at.replace(tzinfo=UTC).timestamp())
    with _target(gateway) as settings:
        frame = in_a_loop(measure(job, settings, Alone(job), on_engine=stop_on_signals))
    places.write(frame, out)
    _out.print(f"{len(frame)} requests of shard {number} of {wanted.shards}: {out}", markup=False)


@bench.command("aiperf")
def aiperf(
    spec: SpecArgument,
    changes: ChangeOption = None,
    program: Annotated[
        Path | None,
        typer.Option(
            "--program", help="AIPerf's.  [default: .aiperf/bin/aiperf, else on the path]"
        ),
    ] = None,
    gateway: GatewayOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let AIPerf, a second meter with an environment of its own, measure the same requests."""
    from gateway_lib.benchmark.meter import aiperf as second

    wanted = _spec(spec, changes)
    second.found(program)
    with _target(gateway) as settings:
        frame = second.measure(wanted, settings, program)
    _finish(frame, wanted, _write(frame, f"{Path(spec).stem}-aiperf", out), as_json)


@bench.command("merge")
def merge(
    shards: Annotated[list[str], typer.Argument(help="Parquet files, or s3://BUCKET/KEY.")],
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the shards of a run together, exactly: each has to be there, once."""
    from gateway_lib.benchmark.meter import shards as parts
    from gateway_lib.benchmark.plan.spec import spec_of
    from gateway_lib.benchmark.records import places, story

    frame = parts.merge([places.read(place) for place in shards])
    _finish(frame, spec_of(story.about(frame).spec), _write(frame, "merged", out), as_json)


def _spec(name: str, changes: list[str] | None) -> Spec:
    from gateway_lib.benchmark.plan.changes import changed
    from gateway_lib.benchmark.plan.spec import load_spec

    return changed(load_spec(name), changes or ())


def _rate(spec: Spec) -> float:
    return spec.load[0].rate_rps or 1.0


@contextmanager
def _target(gateway: str | None) -> Iterator[Settings]:
    from gateway_lib.runs.session import opened_runner

    def report(line: str) -> None:
        _progress.print(line, style="dim", markup=False)

    with opened_runner(gateway=gateway, runs_dir=None, progress=False, report=report) as runner:
        yield runner.target


@contextmanager
def _bar(quiet: bool) -> Iterator[Any]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_progress, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting", total=None, failed="")

        def told(state: State) -> None:
            step = f"step {state.stage + 1} of {state.stages}" if state.stages > 1 else "measuring"
            failed = f"{state.failed} failed" if state.failed else ""
            bar.update(
                task,
                description=step,
                completed=state.done,
                total=state.requested,
                failed=failed,
            )

        yield told


def _write(frame: pd.DataFrame, name: str, out: str | None) -> str:
    from gateway_lib.benchmark.records import places
    from gateway_lib.settings import settings

    if out is None:
        folder = settings().runs_dir / "bench"
        out = str(folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{Path(name).stem}.parquet")
    places.write(frame, out)
    return out


def _finish(
    frame: pd.DataFrame, spec: Spec, path: str, as_json: bool, extra: dict[str, Any] | None = None
) -> None:
    from gateway_lib.benchmark.records import story
    from gateway_lib.benchmark.results import steps, summary

    about = story.about(frame)
    table = steps.steps(frame, spec.slo)
    if as_json:
        document = {
            "records": path,
            "valid": about.valid,
            "invalid": list(about.invalid),
            "requested": about.requested,
            "achieved": about.achieved,
            "interrupted": about.interrupted,
            **summary.headline(frame),
            "steps": json.loads(table.to_json(orient="records")),
            "send_lag_p99_ms": max((part.lag_p99_ms for part in about.health), default=None),
            **(extra or {}),
        }
        print(json.dumps(document, indent=2))
    else:
        _out.print(_shown(summary.table(summary.summarise(frame)), ""))
        _out.print(_shown(steps.readable(table, spec.slo).T, "step"))
        lag = max((part.lag_p99_ms for part in about.health), default=0.0)
        achieved = f"{about.achieved} of {about.requested} requests"
        _out.print(f"{achieved}; 99 in 100 were sent at most {lag:.1f} ms late")
        _out.print(f"records: {path}", markup=False, soft_wrap=True)
        if extra:
            _out.print(extra["said"], markup=False, soft_wrap=True)
    if about.interrupted:
        raise BenchmarkInterrupted(f"interrupted: {about.achieved} of {about.requested} measured")
    if not about.valid:
        more = f" (and {len(about.invalid) - 1} more)" if len(about.invalid) > 1 else ""
        raise RunInvalid(f"run invalid, the meter was overloaded: {about.invalid[0]}{more}")


def _shown(table: pd.DataFrame, heading: str) -> Table:
    shown = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    shown.add_column(heading, no_wrap=True)
    for name in table.columns:
        shown.add_column(str(name), justify="right")
    for index, row in table.iterrows():
        shown.add_row(str(index), *(str(value) for value in row))
    return shown
