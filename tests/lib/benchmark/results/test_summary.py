import subprocess
import sys
from math import inf, isinf

import pandas as pd
import pytest

from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.results.summary import estimate_of, headline, load, summarise, table
from tests.lib.benchmark import tables


def test_figures_of_a_run_with_known_truth():
    summary = summarise(tables.table(6000))
    assert list(summary.index) == sorted(tables.MODELS)
    for model, truth in tables.TTFT_MS.items():
        about = estimate_of(summary.loc[model], "ttft_p50_ms")
        assert about.low < truth < about.high
        assert about.value == pytest.approx(truth, rel=0.1)
        right = estimate_of(summary.loc[model], "accuracy_pct")
        assert right.value == pytest.approx(100 * tables.RIGHT[model], abs=6)
        assert summary.loc[model, "cost_per_1k_usd"] == pytest.approx(
            1000 * tables.COST[model], rel=0.05
        )
        per_right = summary.loc[model, "cost_per_right_usd"]
        expected = summary.loc[model, "cost_per_1k_usd"] / 1000 / (right.value / 100)
        assert per_right == pytest.approx(expected)
    assert set(summary["cost_source"]) == {"stream usage"}


def test_a_failed_request_took_for_ever():
    few = summarise(tables.table(3000, failing=0.02))
    some = summarise(tables.table(3000, failing=0.08))
    assert (some["ttft_p95_ms"] == inf).all() and (some["total_p99_ms"] == inf).all()
    assert (few["ttft_p95_ms"] < inf).all() and (few["ttft_p99_ms"] == inf).all()
    assert (some["error_pct"].between(5, 12)).all()
    assert (some["accuracy_pct"] > 60).all(), "what was not answered is no wrong answer"
    shown = table(some)
    assert set(shown.loc["TTFT p95, ms"]) == {"never"}
    assert some["errors"].sum() == (~tables.table(3000, failing=0.08)["ok"]).sum()


def test_what_is_not_known_is_said():
    frame = tables.table(60)
    frame["cost_usd"] = frame["cost_usd"].where(frame["model"] != "small")
    frame["correct"] = frame["correct"].where(frame["model"] != "small")
    summary = summarise(frame)
    assert summary.loc["small", "cost_missing"] == 20
    shown = table(summary)
    assert shown.loc["$ per 1,000 requests", "small"] == "no data"
    assert shown.loc["right answers, %", "small"] == "no data"
    assert shown.loc["TTFT p95, ms", "large"].endswith("(n too small)")
    assert "[" in shown.loc["TTFT p50, ms", "large"]
    assert estimate_of(summary.loc["small"], "cost_per_1k_usd") is None


def test_stages_are_kept_apart():
    frame = tables.table(1200, stages=2)
    by_stage = summarise(frame, ["stage", "model"])
    assert by_stage.index.names == ["stage", "model"] and len(by_stage) == 6
    assert by_stage["requests"].sum() == 1200


def test_the_order_of_rows_does_not_matter():
    frame = tables.table(900)
    pd.testing.assert_frame_equal(summarise(frame), summarise(frame.sample(frac=1, random_state=1)))


def test_headline():
    frame = tables.table(900, failing=0.5)
    told = headline(frame)
    assert told["requests"] == 900 and told["errors"] == (~frame["ok"]).sum()
    assert isinf(told["ttft_p95_ms"])
    assert told["cost_usd"] == pytest.approx(frame["cost_usd"].sum())


MILLION = """
import resource, sys, time
from pathlib import Path
import matplotlib
matplotlib.use("agg")
began = time.process_time(), time.perf_counter()
from gateway_lib.benchmark.results.comparison import compare
from gateway_lib.benchmark.figures.distribution import distribution
from gateway_lib.benchmark.figures.frontier import frontier
from gateway_lib.benchmark.figures.percentiles import percentiles
from gateway_lib.benchmark.figures.timeline import timeline
from gateway_lib.benchmark.figures.waterfall import waterfall
from gateway_lib.benchmark.results.summary import load, summarise, table

def draw(picture, path):
    picture.figure.savefig(path / f"{picture.name}.png", dpi=200, bbox_inches="tight")

first, second, out, what = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
frame = load(first)
assert len(frame) == 1_000_000
if what == "one":
    summary = summarise(frame)
    table(summary)
    for picture in (distribution(frame), percentiles(summary), frontier(summary), timeline(frame),
                    waterfall(frame)):
        draw(picture, out)
else:
    found = compare(frame, load(second))
    assert {c.metric.name for c in found.regressions} >= {"ttft_p50_ms", "ttft_p95_ms"}
spent = time.process_time() - began[0]
print(spent, time.perf_counter() - began[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_million_records(tmp_path):
    """Loading, summarising and drawing under 10 s, comparing two under 15 s, in 2 GB.

    CPU time, on one thread: that of the wall is the same on a machine that has nothing else to do.
    """
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for seed, path in enumerate(paths):
        part = tables.table(100_000, seed=seed, rate=300.0, slower=1 + 0.1 * seed, questions=200)
        run = pd.concat([part] * 10, ignore_index=True)
        run["request"] = run.index
        for column in ("scheduled_s", "sent_s", "first_byte_s", "done_s"):
            run[column] += run.index // 100_000 * 400.0
        run.attrs = part.attrs
        records.write(run, path)
    for what, most_s in (("one", 10), ("two", 15)):
        done = subprocess.run(
            [sys.executable, "-c", MILLION, *paths, tmp_path, what],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        cpu_s, wall_s, kilobytes = map(float, done.stdout.split())
        print(f"{what}: {cpu_s:.1f} s CPU, {wall_s:.1f} s, {kilobytes / 1e6:.2f} GB")
        assert cpu_s < most_s
        assert kilobytes < 2_000_000
    with_answers = load(paths[0])
    assert "answer" not in with_answers, "figures need no texts"


def test_models_come_in_the_order_of_their_names_whatever_the_records_say():
    frame = tables.table(n=120)
    order = ["medium", "large", "small"]
    frame["model"] = frame["model"].cat.reorder_categories(order)
    assert list(summarise(frame).index) == sorted(order)
