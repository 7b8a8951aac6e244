"""An experiment's gateway, its outcomes wherever they are kept, and its analysis in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from gateway_lib.errors import ExperimentRefused

if TYPE_CHECKING:
    import pandas as pd

    from gateway_lib.experiments.file import Experiment
    from gateway_lib.experiments.live import Live
    from gateway_lib.experiments.results import Analysis
    from gateway_lib.settings import Settings

_out = Console(highlight=False)


def target(gateway: str | None) -> Settings:
    """Of the gateway that is named or configured, else of the local stack that runs."""
    from gateway_lib import local
    from gateway_lib.local.client import find
    from gateway_lib.runs.session import pointed_at
    from gateway_lib.settings import process_environment, settings_of

    own, state = process_environment(), local.State()
    if gateway is not None:
        return settings_of(pointed_at(gateway, own))
    if settings_of(own).base_url is None or local.printed_for(state, own):
        own = {**own, **find(state).environment}
    return settings_of(own)


@contextmanager
def opened(gateway: str | None) -> Iterator[Live]:
    from gateway_lib.experiments.live import Live

    with Live(target(gateway)) as live:
        yield live


def kept(source: str, runs_dir: Path | None, version: int | None = None) -> Path | None:
    """Where outcomes are kept under this name; None where it is an experiment's.

    Raises:
        ExperimentRefused: A version is asked for, and what is kept has but its own.
    """
    found = _kept(source, runs_dir)
    if found is not None and version is not None:
        raise ExperimentRefused(
            f"{source} has the outcomes of one version: --version is for an experiment of a gateway"
        )
    return found


def _kept(source: str, runs_dir: Path | None) -> Path | None:
    from gateway_lib.runs.run import RECORDS
    from gateway_lib.settings import settings

    path = Path(source)
    if path.suffix == ".parquet" or (path / RECORDS).is_file():
        return path
    folder = (runs_dir or settings().runs_dir) / source
    return folder if (folder / RECORDS).is_file() else None


def analysed_run(
    name: str, version: int | None, gateway: str | None, runs_dir: Path | None
) -> tuple[pd.DataFrame, Analysis, Experiment, Path]:
    """Fetched, analysed and kept as a run."""
    from gateway_lib.experiments import outcomes
    from gateway_lib.experiments.keeping import keep
    from gateway_lib.experiments.watching import analysed
    from gateway_lib.runs.manifest import Parameters
    from gateway_lib.runs.provenance import gateway_facts
    from gateway_lib.runs.record import Record, recorded
    from gateway_lib.runs.redaction import redactor
    from gateway_lib.settings import process_environment

    known = target(gateway)
    with opened(gateway) as live:
        frame = live.outcomes(name, version=version)
        analysis = enough(analysed(frame, live.before(name, frame)), name)
    said, number = outcomes.about(frame)
    asked = {"experiment": name, "version": number}
    record = Record.begin(
        runs_dir or known.runs_dir,
        f"experiment_{name}",
        redactor(process_environment(), known.secrets()),
        gateway=gateway_facts(known),
        parameters=Parameters(passed=asked, effective=asked),
        seed=None,
    )
    with recorded(record) as run:
        keep(run, frame, analysis, said)
    return frame, analysis, said, run.folder


def enough(analysis: Analysis | None, name: str) -> Analysis:
    if analysis is None:
        raise ExperimentRefused(
            f"{name}: no call of it has come yet, so there is nothing to analyse"
        )
    return analysis


def show(analysis: Analysis, experiment: Experiment) -> None:
    from gateway_lib.experiments import tables
    from gateway_lib.experiments.memo import headline, more_units

    style = {"ship": "bold green", "do not ship": "bold red"}.get(
        analysis.verdict.decision, "bold yellow"
    )
    _out.print(headline(analysis), style=style)
    for reason in (*analysis.verdict.reasons, more_units(analysis)):
        if reason:
            _out.print(f"- {reason}", markup=False)
    _out.print()
    effects = tables.effects_table(analysis, experiment)
    for table, heading in (
        (effects.drop(columns="method", errors="ignore"), "metric"),
        (tables.guardrails_table(analysis, experiment), "guardrail"),
        (tables.served_table(analysis), "arm"),
    ):
        if len(table):
            _out.print(table_of(table, heading))
    for sentence in (*tables.checks(analysis), *analysis.notes):
        _out.print(sentence, markup=False)
    for refused in dict.fromkeys(analysis.refused):
        _out.print(
            f"not analysed: {refused.metric} of {refused.arm}: {refused.reason}", markup=False
        )


def table_of(table: pd.DataFrame, heading: str) -> Table:
    shown = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    shown.add_column(heading, no_wrap=True)
    for name in table.columns:
        shown.add_column(str(name))
    for index, row in table.iterrows():
        shown.add_row(str(index), *(str(value) for value in row))
    return shown
