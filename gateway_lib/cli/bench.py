"""`gateway bench`: measuring a gateway from the command line, on one machine or on several."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway_lib.cli.measuring import Found, bar, measured, put_together, target
from gateway_lib.cli.options import GatewayOption, JsonOption, RunsDirOption
from gateway_lib.errors import SpecError

if TYPE_CHECKING:
    from gateway_lib.benchmark.plan.spec import Spec
    from gateway_lib.runs.runner import Runner

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="YAML file, or the name of one in config/benchmarks.")
]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a field: -s load.rate_rps=20."),
]
StartOption = Annotated[
    float | None, typer.Option(help="First rate.  [default: the spec's]", min=0.001)
]

bench = typer.Typer(help="Measure a gateway: latency, throughput, goodput.", no_args_is_help=True)
_out = Console(highlight=False)


def register(app: typer.Typer) -> None:
    """Add `bench` to `app`."""
    app.add_typer(bench, name="bench")


@bench.command("run")
def run(
    spec: SpecArgument,
    changes: ChangeOption = None,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what a spec says, and keep it as a run: one row per request, figures, a report.

    The exit status is 4 when the meter was overloaded and its figures cannot be trusted; the records are
    kept all the same, and say so.
    """
    wanted = _spec(spec, changes)

    def measure(runner: Runner) -> Found:
        from gateway_lib.benchmark.meter import workers

        with bar(as_json) as told:
            return Found(workers.run(wanted, runner.target, told), wanted)

    measured(f"bench_{_stem(spec)}", wanted, measure, gateway, runs_dir, as_json)


@bench.command("sweep")
def sweep(
    spec: SpecArgument,
    changes: ChangeOption = None,
    start: StartOption = None,
    factor: Annotated[float, typer.Option(help="Of one rate to the one before.", min=1.01)] = 1.5,
    most: Annotated[int, typer.Option(help="Steps.", min=1)] = 12,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise the rate until the gateway falls behind, and name the knee."""
    wanted = _spec(spec, changes)

    def measure(runner: Runner) -> Found:
        from gateway_lib.benchmark.meter import search as looking

        with bar(as_json) as told:
            trial = looking.trials(wanted, runner.target, told)
            found = looking.sweep(trial, start or _rate(wanted), factor=factor, most=most)
        load = found.knee.load
        return Found(found.frame, wanted, f"knee: {found.knee.said}", {"knee": load}, knee=load)

    measured(f"sweep_{_stem(spec)}", wanted, measure, gateway, runs_dir, as_json)


@bench.command("search")
def search(
    spec: SpecArgument,
    changes: ChangeOption = None,
    start: StartOption = None,
    precision: Annotated[
        float, typer.Option(help="How close the rates that meet and fail have to be.", min=0.01)
    ] = 0.1,
    gateway: GatewayOption = None,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for the highest rate that meets the spec's objectives (slo)."""
    wanted = _spec(spec, changes)
    slo = wanted.slo
    if slo is None:
        raise SpecError("slo: a search needs objectives, for example -s slo.ttft_ms=500")

    def measure(runner: Runner) -> Found:
        from gateway_lib.benchmark.meter import search as looking

        with bar(as_json) as told:
            trial = looking.trials(wanted, runner.target, told)
            found = looking.search(trial, slo, start or _rate(wanted), precision=precision)
        more = {
            "meets_rps": found.rate_rps,
            "fails_rps": found.fails_rps,
            "undecided_rps": list(found.undecided_rps),
        }
        return Found(found.frame, wanted, f"objectives: {found.said}", more)

    measured(f"search_{_stem(spec)}", wanted, measure, gateway, runs_dir, as_json)


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
    with target(gateway, None) as runner:
        frame = in_a_loop(measure(job, runner.target, Alone(job), on_engine=stop_on_signals))
    places.write(frame, out)
    _out.print(f"{len(frame)} requests of shard {number} of {wanted.shards}: {out}", markup=False)


@bench.command("merge")
def merge(
    shards: Annotated[list[str], typer.Argument(help="Parquet files, or s3://BUCKET/KEY.")],
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the shards of a run together, exactly: each has to be there, once."""
    from gateway_lib.benchmark.meter import shards as parts
    from gateway_lib.benchmark.plan.spec import spec_of
    from gateway_lib.benchmark.records import places, story

    frame = parts.merge([places.read(place) for place in shards])
    about = story.about(frame)
    put_together(Found(frame, spec_of(about.spec)), about.target, runs_dir, as_json)


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
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let AIPerf, a second meter with an environment of its own, measure the same requests."""
    from gateway_lib.benchmark.meter import aiperf as second

    wanted = _spec(spec, changes)
    second.found(program)

    def measure(runner: Runner) -> Found:
        return Found(second.measure(wanted, runner.target, program), wanted)

    measured(f"aiperf_{_stem(spec)}", wanted, measure, gateway, runs_dir, as_json)


def _spec(name: str, changes: list[str] | None) -> Spec:
    from gateway_lib.benchmark.plan.changes import changed
    from gateway_lib.benchmark.plan.spec import load_spec

    return changed(load_spec(name), changes or ())


def _rate(spec: Spec) -> float:
    return spec.load[0].rate_rps or 1.0


def _stem(spec: str) -> str:
    return Path(spec).stem
