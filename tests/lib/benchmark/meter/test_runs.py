"""Whole runs: what is seeded agrees, nothing is lost, and a run can be stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from gateway_lib.benchmark import about, load_spec, spec_of
from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.results.run_comparison import compare_runs
from gateway_lib.errors import GatewayUnreachable, RunError, SpecError
from gateway_lib.runs.redaction import redactor
from gateway_lib.runs.registry import list_runs
from gateway_lib.runs.replay import replay_plan
from tests.lib.benchmark.meter.conftest import MODEL, OTHER

SEEDED = ["request", "stage", "rate_rps", "users", "model", "question", "category", "repeat"]
LOAD = [
    {"kind": "poisson", "rate_rps": 40, "requests": 40},
    {"kind": "burst", "rate_rps": 40, "size": 5, "requests": 20},
]


def seeded(frame: pd.DataFrame) -> pd.DataFrame:
    """What the seed decides: the requests, and when they were due within their stage."""
    due = frame.groupby("stage")["scheduled_s"].transform(lambda moments: moments - moments.min())
    return frame[SEEDED].assign(due_s=due.round(6))


def test_a_replay_agrees_on_everything_seeded_in_any_number_of_shards(simulator):
    given = {"load": LOAD, "models": [MODEL, OTHER], "pause_s": 0.1, "seed": 7}
    first, again, divided = (simulator.measure(**given, shards=shards) for shards in (1, 1, 3))
    pd.testing.assert_frame_equal(seeded(first), seeded(again), check_exact=True)
    pd.testing.assert_frame_equal(seeded(first), seeded(divided), check_exact=True)
    assert set(divided["shard"]) == {0, 1, 2} and about(divided).parts == (0, 1, 2)
    assert len(about(divided).health) == 6
    other = simulator.measure(**{**given, "seed": 8})
    assert not seeded(other).equals(seeded(first))
    # the story is enough to do it again
    assert spec_of(about(first).spec).seed == 7


def test_a_closed_loop_never_has_more_under_way_than_users(simulator):
    load = {"kind": "closed", "users": 3, "requests": 30, "think_s": 0.05}
    frame = simulator.measure(load, settle=6)
    assert list(frame["request"]) == list(range(6, 30))
    assert about(frame).warmup.requests == 1 + 6
    starts = frame[["sent_s"]].assign(step=1).set_axis(["at", "step"], axis=1)
    ends = frame[["done_s"]].assign(step=-1).set_axis(["at", "step"], axis=1)
    under_way = pd.concat([starts, ends]).sort_values("at")["step"].cumsum()
    assert under_way.max() <= 3
    assert set(frame["users"]) == {3} and frame["rate_rps"].isna().all()


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ({"kind": "status", "status": 429}, "http_429", 429),
        ({"kind": "status", "status": 503}, "http_503", 503),
        ({"kind": "reset"}, "connection", None),
        ({"kind": "cut_mid_stream", "after_tokens": 5}, "incomplete", 200),
        ({"kind": "error_event", "after_tokens": 5, "status": 500}, "stream_error", 200),
        ({"kind": "malformed_json", "after_tokens": 5}, "malformed", 200),
        ({"kind": "hang", "after_tokens": 5}, "timeout", 200),
    ],
)
def test_a_failure_is_a_row_and_its_kind_is_named(simulator, fault, kind, status):
    simulator.control.faults({"match": OTHER, **fault})
    load = {"kind": "constant", "rate_rps": 20, "requests": 20}
    frame = simulator.measure(load, models=[MODEL, OTHER], timeout_s=2, warmups=0)
    assert len(frame) == about(frame).achieved == 20
    failed, good = frame[frame["model"] == OTHER], frame[frame["model"] == MODEL]
    assert good["ok"].all() and good["error"].isna().all()
    assert set(failed["error_kind"]) == {kind} and not failed["ok"].any()
    assert failed["error"].str.len().min() > 0 and (failed["total_ms"] > 0).all()
    assert failed["cost_usd"].isna().all()
    assert set(failed["status"].dropna()) == ({status} if status else set())
    expected = 5 if "after_tokens" in fault else 0
    assert set(failed["chunks"]) == {expected}
    assert (failed["ttft_ms"].notna() == (expected > 0)).all()
    if kind == "timeout":
        assert failed["total_sent_ms"].between(1990, 3000).all()


def test_when_nothing_succeeds_it_is_an_error_and_says_the_first(simulator):
    simulator.control.faults({"match": "*", "kind": "status", "status": 401, "message": "who?"})
    with pytest.raises(GatewayUnreachable, match=r"every request failed.*who\?"):
        simulator.measure({"kind": "constant", "rate_rps": 20, "requests": 4})
    with pytest.raises(SpecError, match="No such file"):
        simulator.measure({"kind": "replay", "schedule": "none.txt"})
    with pytest.raises(SpecError, match="asked for 999"):
        load = {"kind": "constant", "rate_rps": 20, "requests": 4}
        simulator.measure(load, prompts={"questions": "general", "n": 999})


def command(simulator, *arguments: str, **options):
    environment = {
        **os.environ,
        "GATEWAY_BASE_URL": f"{simulator.url}/openai",
        "GATEWAY_API_KEY": "sk-test",
    }
    line = [sys.executable, "-m", "gateway_lib", "bench", *arguments]
    return subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


SPEC = """
models: [{model}]
target: provider
prompts: {{words: 9}}
max_tokens: 32
load: {{kind: poisson, rate_rps: 20, requests: 40}}
limits: {{lag_p50_ms: 1000, lag_p95_ms: 1000, lag_p99_ms: 2000, loop_lag_p95_ms: 1000, cpu_wait_share: 9}}
slo: {{total_ms: 5000}}
shards: {shards}
"""


@pytest.fixture
def spec_file(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(model=MODEL, shards=1))
    return path


def kept(runs_dir):
    [entry] = list_runs(runs_dir)
    return entry, records.read(entry.folder / "records.parquet")


def test_the_command_measures_tells_and_keeps_a_run(simulator, spec_file, tmp_path):
    runs_dir = tmp_path / "runs"
    running = command(simulator, "run", str(spec_file), "--runs-dir", str(runs_dir), "--json")
    printed, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    told = json.loads(printed)
    assert (told["requested"], told["achieved"], told["valid"]) == (40, 40, True)
    assert told["steps"][0]["good_share"] == 1.0 and told["send_lag_p99_ms"] > 0
    entry, _ = kept(runs_dir)
    manifest = entry.manifest
    assert (manifest.status, manifest.notebook) == ("succeeded", "bench_spec")
    assert told["run"] == manifest.id and entry.folder / "records.parquet" == Path(told["records"])
    assert manifest.metrics["requests"] == 40 and manifest.metrics["valid"] is True
    assert spec_of(manifest.parameters.effective) == load_spec(entry.folder / "spec.yaml")
    page = (entry.folder / "report.html").read_text()
    assert "40 of 40 requests" in page and page.count("<img") >= 4 and "TTFT p50" in page
    assert "<summary>Code" not in page
    # what is kept can be compared, with a run of any kind
    pair = compare_runs(entry, entry)
    assert pair.found.same_plan and not pair.found.regressions
    with pytest.raises(RunError, match=r"do it again with `gateway bench run .*spec\.yaml`"):
        replay_plan(entry, redactor({}, ()))


def test_an_invalid_run_has_a_status_of_its_own_and_keeps_its_records(
    simulator, spec_file, tmp_path
):
    change = ["-s", "limits.cpu_share=0.000001"]
    running = command(simulator, "run", str(spec_file), "--runs-dir", str(tmp_path), *change)
    printed, errors = running.communicate(timeout=120)
    assert running.returncode == 4
    assert "the meter was overloaded: stage 0, shard 0: the meter used" in errors
    assert len(errors.strip().splitlines()) == 1 and "report: " in printed
    entry, frame = kept(tmp_path)
    assert not about(frame).valid and entry.manifest.metrics["valid"] is False
    assert entry.manifest.status == "failed" and "overloaded" in entry.manifest.error
    assert "the meter was overloaded" in (entry.folder / "report.html").read_text()


def test_where_nothing_succeeds_the_run_says_why(simulator, spec_file, tmp_path):
    simulator.control.faults({"match": MODEL, "kind": "status", "status": 503})
    running = command(simulator, "run", str(spec_file), "--runs-dir", str(tmp_path), "--json")
    printed, errors = running.communicate(timeout=120)
    assert running.returncode == 1 and not printed
    [entry] = list_runs(tmp_path)
    assert entry.manifest.status == "failed"
    assert entry.manifest.error.startswith("every request failed, the first with: ")
    assert f"gateway: {entry.manifest.error}\n" == errors


def test_ctrl_c_keeps_what_was_measured(simulator, spec_file, tmp_path):
    change = ["-s", "load.requests=2000", "--runs-dir", str(tmp_path)]
    running = command(simulator, "run", str(spec_file), "--json", *change)
    while not simulator.control.state()["totals"].get(MODEL, {}).get("done", 0) > 10:
        assert running.poll() is None, running.communicate()
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    printed, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert errors.strip().splitlines()[-1].startswith("gateway: interrupted: ")
    entry, frame = kept(tmp_path)
    told = about(frame)
    assert told.interrupted and told.requested == 2000
    assert told.achieved == len(frame) == json.loads(printed)["achieved"] > 5
    assert frame["ok"].all() and entry.manifest.status == "interrupted"


def test_shards_of_several_machines_merge_into_one_run(simulator, tmp_path):
    path, runs_dir = tmp_path / "spec.yaml", tmp_path / "runs"
    path.write_text(SPEC.format(model=MODEL, shards=2))
    start = f"{datetime.now(UTC) + timedelta(seconds=15):%Y-%m-%dT%H:%M:%S}"
    files = [str(tmp_path / f"{number}.parquet") for number in (0, 1)]
    running = [
        command(simulator, "shard", str(path), "--shard", str(n), "--start-at", start, "--out", out)
        for n, out in enumerate(files)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    merging = command(simulator, "merge", *files, "--runs-dir", str(runs_dir), "--json")
    printed, errors = merging.communicate(timeout=60)
    assert merging.returncode == 0, errors
    assert json.loads(printed)["achieved"] == 40
    entry, merged = kept(runs_dir)
    assert list(merged["request"]) == list(range(40))
    assert about(merged).origin.strftime("%Y-%m-%dT%H:%M:%S") == start
    assert entry.manifest.gateway.url == about(merged).target
    alone = command(simulator, "merge", files[0], "--runs-dir", str(runs_dir))
    assert "shards [0] of 2: each is needed once" in alone.communicate(timeout=60)[1]
    assert alone.returncode == 1 and len(list_runs(runs_dir)) == 1


def test_progress_is_told(simulator):
    states = []
    from gateway_lib.benchmark import run

    spec = spec_of(
        {
            "models": [MODEL],
            "target": "provider",
            "prompts": {"words": 5},
            "load": {"kind": "constant", "rate_rps": 20, "requests": 30},
        }
    )
    before = threading.active_count()
    run(spec, simulator.settings(), states.append)
    assert states[-1].requested == 30 and states[0].done == 0
    assert max(state.done for state in states) > 10
    time.sleep(0.5)
    assert threading.active_count() <= before
