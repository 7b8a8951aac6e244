"""A measurement of the command line: its gateway, its progress, its run folder, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import progress
from rich.console import Console
from rich.table import Table

from gateway_lib.errors import BenchmarkInterrupted, RunInvalid

if TYPE_CHECKING:
    import pandas as pd

    from gateway_lib.benchmark.meter.workers import Progress, State
    from gateway_lib.benchmark.plan.spec import Spec
    from gateway_lib.runs.manifest import Gateway
    from gateway_lib.runs.record import Record
    from gateway_lib.runs.redaction import Redactor
    from gateway_lib.runs.run import Run
    from gateway_lib.runs.runner import Runner

_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Found:
    """What was measured, and what a sweep or a search says of it.

    Attributes:
        frame: Records.
        spec: What was asked for.
        said: In a sentence; empty where there is no more than the figures.
        more: The same for machines.
        knee: Load at which the curve bends, where one was looked for and found.
    """

    frame: pd.DataFrame
    spec: Spec
    said: str = ""
    more: dict[str, Any] | None = None
    knee: float | None = None


@contextmanager
def target(gateway: str | None, runs_dir: Path | None) -> Iterator[Runner]:
    """The gateway to measure, for as long as the context lasts."""
    from gateway_lib.runs.session import opened_runner

    def report(line: str) -> None:
        _progress.print(line, style="dim", markup=False)

    with opened_runner(gateway=gateway, runs_dir=runs_dir, progress=False, report=report) as runner:
        yield runner


def measured(
    name: str,
    spec: Spec,
    measure: Callable[[Runner], Found],
    gateway: str | None,
    runs_dir: Path | None,
    as_json: bool,
) -> None:
    """Measure, and keep it as a run.

    Args:
        name: Of the run.
        spec: What is to be measured.
        measure: Does it.
        gateway: Base URL; the configured one, else a local stack's, when not given.
        runs_dir: Where run folders go; the configured one when not given.
        as_json: Whether to print JSON.

    Raises:
        BenchmarkInterrupted: It was stopped before its end.
        RunInvalid: The meter was overloaded.
    """
    from gateway_lib.runs.provenance import gateway_facts
    from gateway_lib.runs.record import recorded

    with target(gateway, runs_dir) as runner:
        facts = gateway_facts(runner.target)
        record = _begin(name, spec, runner.runs_dir, runner.redactor, facts)
        with recorded(record) as run:
            _keep(run, measure(runner), as_json)


def put_together(found: Found, url: str, runs_dir: Path | None, as_json: bool) -> None:
    """Keep what was measured elsewhere as a run.

    Args:
        found: What was measured.
        url: Of the gateway it was measured at.
        runs_dir: As for `measured`.
        as_json: As for `measured`.

    Raises:
        BenchmarkInterrupted: As for `measured`.
        RunInvalid: As for `measured`.
    """
    from gateway_lib.runs.manifest import Gateway
    from gateway_lib.runs.record import recorded
    from gateway_lib.runs.redaction import redactor
    from gateway_lib.settings import process_environment, settings

    known = settings()
    guard = redactor(process_environment(), known.secrets())
    folder = runs_dir or known.runs_dir
    record = _begin("bench_merged", found.spec, folder, guard, Gateway(url=url))
    with recorded(record) as run:
        _keep(run, found, as_json)


def _begin(name: str, spec: Spec, runs_dir: Path, guard: Redactor, gateway: Gateway) -> Record:
    from gateway_lib.runs.manifest import Parameters
    from gateway_lib.runs.record import Record

    asked = spec.model_dump(mode="json", exclude_none=True)
    parameters = Parameters(passed=asked, effective=asked)
    return Record.begin(
        runs_dir, name, guard, gateway=gateway, parameters=parameters, seed=spec.seed
    )


def _keep(run: Run, found: Found, as_json: bool) -> None:
    from gateway_lib.benchmark.keeping import keep

    keep(run, found.frame, found.spec, said=found.said, knee=found.knee)
    _tell(found, run.folder, as_json)


@contextmanager
def bar(quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on stderr; what it yields is told the state, and is nothing where quiet is asked for."""
    if quiet:
        yield None
        return
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[failed]}"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=_progress, transient=True) as shown:
        task = shown.add_task("starting", total=None, failed="")

        def told(state: State) -> None:
            step = f"step {state.stage + 1} of {state.stages}" if state.stages > 1 else "measuring"
            failed = f"{state.failed} failed" if state.failed else ""
            shown.update(
                task,
                description=step,
                completed=state.done,
                total=state.requested,
                failed=failed,
            )

        yield told


def _tell(found: Found, folder: Path, as_json: bool) -> None:
    from gateway_lib.benchmark.records import story
    from gateway_lib.benchmark.results import steps, summary
    from gateway_lib.runs.report import REPORT
    from gateway_lib.runs.run import RECORDS

    frame, slo = found.frame, found.spec.slo
    about = story.about(frame)
    table = steps.steps(frame, slo)
    lag = max((part.lag_p99_ms for part in about.health), default=None)
    if as_json:
        document = {
            "run": folder.name,
            "records": str(folder / RECORDS),
            "valid": about.valid,
            "invalid": list(about.invalid),
            "requested": about.requested,
            "achieved": about.achieved,
            "interrupted": about.interrupted,
            **summary.headline(frame),
            "steps": json.loads(table.to_json(orient="records")),
            "send_lag_p99_ms": lag,
            **(found.more or {}),
        }
        print(json.dumps(document, indent=2))
    else:
        _out.print(_shown(summary.table(summary.summarise(frame)), ""))
        _out.print(_shown(steps.readable(table, slo).T, "step"))
        achieved = f"{about.achieved} of {about.requested} requests"
        _out.print(f"{achieved}; 99 in 100 were sent at most {lag or 0.0:.1f} ms late")
        if found.said:
            _out.print(found.said, markup=False, soft_wrap=True)
        _out.print(f"report: {folder / REPORT}", markup=False, soft_wrap=True)
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
