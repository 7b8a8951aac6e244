"""Every picture is drawn and described, also of what has nothing to show."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from gateway_lib import plots
from gateway_lib.benchmark.figures.changes import changes
from gateway_lib.benchmark.figures.distribution import distribution
from gateway_lib.benchmark.figures.frontier import frontier, undominated
from gateway_lib.benchmark.figures.percentiles import percentiles
from gateway_lib.benchmark.figures.throughput import by_stage, throughput
from gateway_lib.benchmark.figures.timeline import timeline
from gateway_lib.benchmark.figures.waterfall import shares, waterfall
from gateway_lib.benchmark.results.comparison import compare
from gateway_lib.benchmark.results.summary import summarise
from tests.lib.benchmark.tables import MODELS, table

FULL = table(900, failing=0.03)
BROKEN = table(120, failing=1.0)
BARE = table(30)
BARE[["cost_usd", "litellm_ms", "itl_ms"]] = np.nan
BARE["correct"] = BARE["correct"].where(BARE["model"] == "none")


def sweep():
    """Six stages; service slows down towards the end, and answers cannot keep up."""
    frame = table(3000, models=("small",), stages=6)
    rates = np.array([10, 20, 40, 60, 80, 100.0])[frame["stage"]]
    frame["rate_rps"] = rates
    frame["total_ms"] *= np.array([1, 1, 1.1, 1.3, 3, 8])[frame["stage"]]
    within = frame.groupby("stage").cumcount()
    frame["scheduled_s"] = frame["stage"] * 100 + within / rates
    frame["done_s"] = frame["scheduled_s"] + frame["total_ms"] / 1000
    return frame


@pytest.mark.parametrize("frame", [FULL, BROKEN, BARE], ids=["full", "broken", "bare"])
@pytest.mark.parametrize(
    "draw",
    [
        distribution,
        lambda frame: distribution(frame, "total_ms"),
        lambda frame: distribution(frame, "itl_ms"),
        lambda frame: percentiles(summarise(frame)),
        lambda frame: percentiles(summarise(frame), "itl_ms"),
        lambda frame: frontier(summarise(frame)),
        timeline,
        waterfall,
        throughput,
        lambda frame: throughput(frame, "ttft_ms", knee=30.0),
        lambda frame: changes(compare(frame, FULL)),
    ],
)
def test_drawn_and_described(draw, frame):
    picture = draw(frame)
    picture.figure.canvas.draw()
    assert len(picture.alt) > 30 and "nan" not in picture.alt
    assert picture.name == picture.name.lower()
    for axes in picture.figure.axes:
        assert all(np.isfinite(axes.get_xlim())) and all(np.isfinite(axes.get_ylim()))
    texts = picture.figure.findobj(plt.Text)
    small = [t.get_text() for t in texts if t.get_text().strip() and t.get_fontsize() < 10]
    assert not small, "nothing is smaller than 10 points on a slide of 9.6 inches"
    plt.close(picture.figure)


def test_the_distribution_ends_where_requests_failed():
    picture = distribution(table(3000, models=("small",), failing=0.2))
    [curve, *_] = [line for line in picture.figure.axes[0].lines if len(line.get_ydata()) > 100]
    assert max(curve.get_ydata()) == pytest.approx(0.8, abs=0.03)
    assert "and never" in picture.alt
    failed = [t.get_text() for t in picture.figure.findobj(plt.Text) if "failed" in t.get_text()]
    assert len(failed) == 1
    plt.close(picture.figure)


def test_who_is_beaten_on_both_is_not_on_the_frontier():
    summary = summarise(FULL)
    assert set(undominated(summary)) == set(MODELS)
    summary.loc["large", "accuracy_pct"] = 60.0
    assert undominated(summary) == ["small", "medium"]
    summary.loc["medium", "cost_per_1k_usd"] = summary.loc["small", "cost_per_1k_usd"]
    assert undominated(summary) == ["medium"], "of two at one price only the better"


def test_stages_of_a_sweep():
    stages = by_stage(sweep())
    assert list(stages["load"]) == [10, 20, 40, 60, 80, 100]
    assert stages["answered_rps"].iloc[0] == pytest.approx(10, rel=0.05)
    assert stages["answered_rps"].iloc[-1] < 75, "it could not keep up"
    assert (stages["p50_low"] <= stages["p50"]).all() and (
        stages["p95"] <= stages["p95_high"]
    ).all()
    picture = throughput(sweep(), knee=60.0)
    assert "Knee at 60 req/s offered" in picture.alt
    assert "No knee" in throughput(sweep()).alt
    plt.close("all")


def test_parts_add_up_to_the_whole():
    frame = table(600)
    means = shares(frame)
    whole = (frame["first_byte_s"] - frame["scheduled_s"]).groupby(frame["model"].astype(str))
    parts = means.drop(columns="n").sum(axis=1)
    assert parts.to_numpy() == pytest.approx(whole.mean().to_numpy() * 1000)
    assert means["middleware"].to_numpy() == pytest.approx(0.8)
    assert means["LiteLLM"].to_numpy() == pytest.approx(8.0), "its web server is part of it"
    assert means["network"].to_numpy() == pytest.approx(1.5)
    untold = frame.assign(middleware_ms=np.nan, upstream_ms=np.nan)
    assert shares(untold)["LiteLLM"].to_numpy() == pytest.approx(3.0)


def test_series_differ_without_colour():
    assert len({str(plots.dashes(place)) for place in range(6)}) == 6
    assert len({plots.mark(place) for place in range(6)}) == 6
    assert len({plots.colour(place) for place in range(6)}) == 6
