"""What a guardrail run leaves in its run folder: records, figures and pictures, and no text of any case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from gateway_lib.guardrails.figures.heatmap import heatmap
from gateway_lib.guardrails.figures.rates import rates_picture
from gateway_lib.guardrails.records import KEY
from gateway_lib.guardrails.scoring import headline, rates, streaming_leak
from gateway_lib.guardrails.tables import rates_table
from gateway_lib.guardrails.thresholds import said
from gateway_lib.runs.report import NOTES

if TYPE_CHECKING:
    from gateway_lib.runs.run import Run


def keep(run: Run, frame: pd.DataFrame) -> None:
    """Keep the records of a run in the folder of the run, with its figures."""
    run.records(frame)
    run.metrics(**{name: value for name, value in headline(frame).items() if value is not None})
    run.summary(summary_of(frame))
    if rates(frame).empty:
        return
    run.text(NOTES, f"{_made(frame)}\n\n{rates_table(frame).to_html(border=0)}\n")
    run.picture(rates_picture(frame))
    run.picture(heatmap(frame))


def summary_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Rates and streaming leaks by way of checking, as plain data."""
    found: dict[str, Any] = {}
    for table in (rates(frame), streaming_leak(frame)):
        for way, row in table.iterrows():
            found.setdefault(said(way), {}).update(row.to_dict())
    return found


def _made(frame: pd.DataFrame) -> str:
    story = frame.attrs.get(KEY, {})
    text = f"{story.get('made')} of {story.get('planned')} calls, suite {story.get('suite')}."
    if story.get("interrupted"):
        text += "\n\n**Interrupted.** What was found until then is here."
    if story.get("left_out"):
        text += f"\n\nNot over Converse, which cannot name them: {', '.join(story['left_out'])}."
    return text
