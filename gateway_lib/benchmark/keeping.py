"""What a measurement leaves in its run folder: records, figures, pictures, and the spec to do it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import yaml

from gateway_lib.benchmark.figures.distribution import distribution
from gateway_lib.benchmark.figures.percentiles import percentiles
from gateway_lib.benchmark.figures.throughput import throughput
from gateway_lib.benchmark.figures.timeline import timeline
from gateway_lib.benchmark.figures.waterfall import waterfall
from gateway_lib.benchmark.records.story import About, about
from gateway_lib.benchmark.results.steps import readable, steps
from gateway_lib.benchmark.results.summary import headline, summarise, table
from gateway_lib.runs.replay import SPEC
from gateway_lib.runs.report import NOTES

if TYPE_CHECKING:
    import pandas as pd

    from gateway_lib.benchmark.plan.spec import Spec
    from gateway_lib.plots import Picture
    from gateway_lib.runs.run import Run


def keep(
    run: Run, frame: pd.DataFrame, spec: Spec, *, said: str = "", knee: float | None = None
) -> None:
    """Keep a measurement in the folder of its run.

    Args:
        run: Where.
        frame: Records.
        spec: What was asked for.
        said: What a sweep or a search found, in a sentence.
        knee: Load at which the curve bends, where one was found.
    """
    story = about(frame)
    run.records(frame)
    document = spec.model_dump(mode="json", exclude_none=True)
    run.text(SPEC, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    known = {name: value for name, value in headline(frame).items() if value is not None}
    run.metrics(**known, valid=story.valid)
    if frame.empty:
        return
    summary = summarise(frame)
    run.summary({str(model): dict(row) for model, row in summary.iterrows()})
    by_step = readable(steps(frame, spec.slo), spec.slo).T.rename(columns="step {}".format)
    run.text(NOTES, "\n\n".join(_notes(story, said, table(summary), by_step)) + "\n")
    for picture in _pictures(frame, summary, len(story.stages), knee):
        run.picture(picture)


def _notes(story: About, said: str, *tables: pd.DataFrame) -> Iterator[str]:
    yield f"{story.achieved} of {story.requested} requests, seed {story.seed}."
    if said:
        yield f"**{said}**"
    if story.interrupted:
        yield "**Interrupted.** What was measured until then is here."
    if not story.valid:
        yield "**Run invalid: the meter was overloaded.** Its times are the client's, not the gateway's."
        yield "\n".join(f"- {reason}" for reason in story.invalid)
    lag = max((part.lag_p99_ms for part in story.health), default=None)
    if lag is not None:
        yield f"99 in 100 requests were sent at most {lag:.1f} ms after they were due."
    for each in tables:
        yield each.to_html(border=0)


def _pictures(
    frame: pd.DataFrame, summary: pd.DataFrame, stages: int, knee: float | None
) -> Iterator[Picture]:
    good = frame[frame["ok"]]
    columns = [name for name in ("ttft_ms", "total_ms") if good[name].notna().any()]
    if stages > 1 and columns:
        yield throughput(frame, knee=knee)
    for column in columns:
        yield percentiles(summary, column)
    if columns:
        yield distribution(frame, columns[0])
    yield timeline(frame)
    if columns:
        yield waterfall(frame)
