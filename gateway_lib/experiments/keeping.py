"""What an analysis leaves in its run folder: outcomes, figures, the memo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gateway_lib.experiments.figures.cost import cost
from gateway_lib.experiments.figures.distribution import distribution
from gateway_lib.experiments.figures.forest import forest
from gateway_lib.experiments.figures.sequence import sequence
from gateway_lib.experiments.figures.split import split
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.memo import headline, memo_page, more_units
from gateway_lib.experiments.results import Analysis
from gateway_lib.experiments.tables import (
    checks,
    effects_table,
    guardrails_table,
    served_table,
)
from gateway_lib.runs.report import NOTES

if TYPE_CHECKING:
    from gateway_lib.plots import Picture
    from gateway_lib.runs.run import Run

MEMO = "memo"


def keep(run: Run, frame: pd.DataFrame, analysis: Analysis, experiment: Experiment) -> Path:
    """Keep an analysis in the folder of its run; the path of the memo.

    Args:
        run: Where.
        frame: Outcomes.
        analysis: Of them.
        experiment: What was asked.
    """
    run.records(frame)
    run.summary({"analysis": analysis.document()})
    run.metrics(**headline_figures(analysis))
    run.text(NOTES, "\n\n".join(_notes(analysis, experiment)) + "\n")
    for picture in pictures(frame, analysis, experiment):
        run.picture(picture)
    return run.page(MEMO, memo_page(analysis, experiment, frame))


def headline_figures(analysis: Analysis) -> dict[str, float | int | str | None]:
    """Headline figures of an analysis."""
    told: dict[str, float | int | str | None] = {
        "verdict": analysis.verdict.decision,
        "units": sum(analysis.n_units.values()),
        "calls": sum(analysis.n_calls.values()),
        "units_more_needed": analysis.verdict.units_more_needed,
        "experiment_cost_usd": sum(each.cost_usd for each in analysis.costs),
    }
    for effect in analysis.primary[:1]:
        if effect.relative is not None:
            told["effect_pct"] = effect.relative * 100
    return told


def pictures(frame: pd.DataFrame, analysis: Analysis, experiment: Experiment) -> Iterator[Picture]:
    """Every figure, each once."""
    yield split(frame, experiment)
    yield forest(analysis, experiment)
    yield sequence(analysis, experiment)
    named = (experiment.primary.metric, *(each.metric for each in experiment.guardrails))
    for metric in dict.fromkeys(named):
        yield distribution(frame, experiment, metric)
    yield cost(analysis)


def _notes(analysis: Analysis, experiment: Experiment) -> Iterator[str]:
    yield f"**{headline(analysis)}.** {more_units(analysis)}".rstrip()
    yield "\n".join(f"- {reason}" for reason in analysis.verdict.reasons)
    yield "\n".join(f"- {each}" for each in (*checks(analysis), *analysis.notes))
    for each in (
        effects_table(analysis, experiment),
        guardrails_table(analysis, experiment),
        served_table(analysis),
    ):
        if len(each):
            yield each.to_html(border=0)
    for refused in analysis.refused:
        yield f"Not analysed: {refused.metric} of {refused.arm}, {refused.reason}"
