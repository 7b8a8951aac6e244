"""The decision memo: one page that says what to do and why, to be mailed, printed and filed.

It needs nothing else: figures are inside the file, and its own policy forbids the browser to fetch anything.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import pyplot as plt

from gateway_lib.experiments import words
from gateway_lib.experiments.figures.cost import cost
from gateway_lib.experiments.figures.distribution import distribution
from gateway_lib.experiments.figures.forest import forest
from gateway_lib.experiments.figures.sequence import sequence
from gateway_lib.experiments.figures.split import split
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import Analysis, Effect
from gateway_lib.experiments.tables import checks
from gateway_lib.plots import Picture
from gateway_lib.runs.words import moment_text

_TEMPLATES = Path(__file__).parent / "templates"
_DPI = 200
_MOST_REASONS, _MOST_NOTES = 5, 3
_KIND = {"ship": "ship", "do not ship": "stop", "cannot tell yet": "open"}


def memo_page(analysis: Analysis, experiment: Experiment, frame: pd.DataFrame) -> str:
    """The page.

    Args:
        analysis: What is known.
        experiment: What was asked.
        frame: The outcomes, for the figures.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("memo.html.j2")
    return page.render(
        analysis=analysis,
        experiment=experiment,
        kind=_KIND[analysis.verdict.decision],
        headline=headline(analysis),
        reasons=analysis.verdict.reasons[:_MOST_REASONS],
        more=more_units(analysis),
        effects=[
            _effect_row(each, experiment) for each in (*analysis.primary, *analysis.secondary)
        ],
        guardrails=list(_guardrail_rows(analysis, experiment)),
        several=len(analysis.arms) > 2,
        checks=checks(analysis),
        is_broken=analysis.sample_ratio.is_broken or analysis.served_ratio.is_broken,
        served=analysis.served,
        spent=sum(each.cost_usd for each in analysis.costs),
        refused=list(dict.fromkeys(analysis.refused)),
        notes=analysis.notes[:_MOST_NOTES],
        left_out=max(0, len(analysis.notes) - _MOST_NOTES),
        period=f"{moment_text(analysis.began)} to {moment_text(analysis.at)}",
        figures=[_inline(each) for each in _pictures(analysis, experiment, frame)],
    )


def headline(analysis: Analysis) -> str:
    """The verdict in a few words, with the arm it is about."""
    verdict = analysis.verdict
    if verdict.decision == "cannot tell yet":
        return "Cannot tell yet"
    return f"{verdict.decision.capitalize()} {verdict.arm}"


def more_units(analysis: Analysis) -> str:
    """How many more units it takes, in a sentence; empty where that is not known or nothing is open."""
    needed = analysis.verdict.units_more_needed
    if needed is None:
        return ""
    return (
        f"About {needed:,} more units until it can probably be told ({_total(analysis):,} so far)."
    )


def _total(analysis: Analysis) -> int:
    return sum(analysis.n_units.values())


def _effect_row(effect: Effect, experiment: Experiment) -> dict[str, Any]:
    metric = experiment.metric(effect.metric)
    found = {None: "not shown", True: "better", False: "worse"}[effect.better]
    return {
        "metric": effect.metric.replace("_", " "),
        "role": effect.role,
        "arm": effect.arm,
        "control": words.value_text(metric, effect.control_value),
        "treatment": words.value_text(metric, effect.arm_value),
        "absolute": words.absolute_text(metric, effect),
        "relative": words.relative_text(effect),
        "p": words.p_text(effect.p_adjusted),
        "found": found,
    }


def _guardrail_rows(analysis: Analysis, experiment: Experiment) -> Iterator[dict[str, Any]]:
    for result in analysis.guardrails:
        metric, effect = experiment.metric(result.metric), result.effect
        bounds = (result.worse_by, result.low, result.high)
        as_text = words.percent_text if result.relative else _worse(metric)
        value, low, high = (as_text(each) for each in bounds)
        yield {
            "metric": result.metric.replace("_", " "),
            "arm": result.arm,
            "control": words.value_text(metric, effect.control_value),
            "treatment": words.value_text(metric, effect.arm_value),
            "margin": words.margin_text(metric, result),
            "worse": f"{value} [{low}, {high}]",
            "state": {True: "good", False: "bad", None: "open"}[result.holds],
            "found": words.holds_text(result),
            "stops": result.stops,
        }


def _worse(metric: Any) -> Any:
    return lambda value: words.value_text(metric, value, signed=True)


def _pictures(analysis: Analysis, experiment: Experiment, frame: pd.DataFrame) -> Iterator[Picture]:
    yield forest(analysis, experiment, small=True)
    yield sequence(analysis, experiment, small=True)
    yield distribution(frame, experiment, small=True)
    yield split(frame, experiment, small=True)
    if analysis.guardrails:
        yield distribution(frame, experiment, analysis.guardrails[0].metric, small=True)
    yield cost(analysis, small=True)


def _inline(picture: Picture) -> dict[str, str]:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=_DPI)
    plt.close(picture.figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    return {"src": f"data:image/png;base64,{data}", "alt": picture.alt}
