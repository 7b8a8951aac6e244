import json
import sys

import pytest

from gateway_lib.benchmark.results.run_comparison import chosen, compare_runs, sentence, setup_table
from gateway_lib.cli import main
from gateway_lib.errors import NotComparable, RegressionFound, RunNotFound
from gateway_lib.runs.baseline import baseline_of, baselines, pin
from gateway_lib.runs.registry import find_run
from tests.lib.benchmark.runs import run_folder
from tests.lib.benchmark.tables import table


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """1 and 2 are alike, 3 is slower, 4 had an overloaded meter, 5 failed, 6 is no benchmark."""
    folder = tmp_path_factory.mktemp("runs")
    common = {"seed": 1, "packages": {"litellm": "1.106.2", "openai": "2.54.0"}}
    frames = [
        table(3000, seed=1),
        table(3000, seed=2),
        table(3000, seed=1, slower=1.6),
        table(3000, seed=2, valid=False),
        table(60),
        None,
    ]
    entries = []
    for number, frame in enumerate(frames, 1):
        facts = dict(common)
        if number == 3:
            facts |= {
                "parameters": {"passed": {"n": 3}, "effective": {"n": 3, "seed": 1}},
                "packages": {"litellm": "1.107.0", "openai": "2.54.0"},
                "gateway": {"url": "http://b", "config_hash": "x"},
            }
        if number == 5:
            facts["status"] = "failed"
        entries.append(run_folder(folder, frame, number, **facts))
    return folder, entries


def gateway(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["gateway", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_what_was_set_up_differently_is_named(runs):
    _, (first, _, third, *_) = runs
    pair = compare_runs(first, third)
    named = {(c.kind, c.what): (c.before, c.after) for c in pair.setup}
    assert named["parameter", "n"] == (None, 3)
    assert named["package", "litellm"] == ("1.106.2", "1.107.0")
    assert named["gateway", "url"] == (None, "http://b")
    assert ("package", "openai") not in named
    shown = setup_table(pair.setup)
    assert shown.loc["parameter: n", "before"] == "unknown"
    assert pair.found.same_plan


def test_ci_gets_an_exit_status_and_one_line(runs, monkeypatch, capsys):
    folder, _ = runs
    same = ("runs", "compare", "000001", "000002", "--runs-dir", folder)
    status, out, err = gateway(monkeypatch, capsys, *same)
    assert (status, err) == (0, "")
    assert "no regression" in out and "requests: others" in out

    slower = ("runs", "compare", "000001", "000003", "--runs-dir", folder)
    status, out, err = gateway(monkeypatch, capsys, *slower)
    assert status == 3
    [line] = err.splitlines()
    assert line.startswith("gateway: ") and "regressions: " in line and "TTFT p50 +" in line
    assert "worse" in out and "requests: the same" in out

    status, _, err = gateway(monkeypatch, capsys, *slower, "--tolerance", 200)
    assert (status, err) == (0, "")

    overloaded = ("runs", "compare", "000001", "000004", "--runs-dir", folder)
    status, out, err = gateway(monkeypatch, capsys, *overloaded)
    assert status == 4 and "run invalid" in out and "send lag p99 of 900 ms" in err

    status, _, err = gateway(
        monkeypatch, capsys, "runs", "compare", "000001", "000006", "--runs-dir", folder
    )
    assert status == 4 and "records.parquet" in err

    status, out, _ = gateway(monkeypatch, capsys, *slower, "--json")
    told = json.loads(out)
    assert status == 3 and told["same_requests"] is True
    assert "small ttft_p50_ms" in told["regressions"]
    [change] = [c for c in told["changes"] if (c["model"], c["metric"]) == ("small", "ttft_p50_ms")]
    assert change["change"]["low"] > 0.3 and change["verdict"] == "worse"


def test_a_baseline_is_pinned_and_measured_against(runs, monkeypatch, capsys):
    folder, (first, second, third, _, failed, _) = runs
    with pytest.raises(RunNotFound, match="no baseline of 05_benchmark"):
        baseline_of(folder, "05_benchmark")
    status, _, err = gateway(monkeypatch, capsys, "runs", "compare", "000003", "--runs-dir", folder)
    assert status == 1 and "gateway runs pin RUN" in err
    status, out, _ = gateway(monkeypatch, capsys, "runs", "pin", "000002", "--runs-dir", folder)
    assert status == 0 and second.manifest.id in out
    assert pin(folder, first) == second.manifest.id
    assert baselines(folder) == {"05_benchmark": first.manifest.id}
    assert baseline_of(folder, "05_benchmark").folder == first.folder
    status, _, err = gateway(monkeypatch, capsys, "runs", "compare", "000003", "--runs-dir", folder)
    assert status == 3
    with pytest.raises(RunNotFound, match="is no baseline: it is failed"):
        pin(folder, failed)
    assert find_run(folder, str(third.folder)).manifest.id == third.manifest.id
    with pytest.raises(RunNotFound, match="not the folder of a run"):
        find_run(folder, f"{folder}/nothing")


def test_which_two_are_meant(runs, tmp_path):
    folder, (first, _, third, *_) = runs
    pin(folder, first)
    newest = chosen(folder, "05_benchmark")
    assert newest[0].manifest.id == first.manifest.id
    assert newest[1].manifest.id.endswith("000006"), "the newest that succeeded"
    named = chosen(folder, "05_benchmark", after=third.manifest.id)
    assert named[1].manifest.id == third.manifest.id
    assert chosen(tmp_path, "05_benchmark") is None
    run_folder(tmp_path, table(60), 1)
    assert chosen(tmp_path, "05_benchmark") is None, "one run is no comparison"
    run_folder(tmp_path, table(60), 2)
    before, after = chosen(tmp_path, "05_benchmark")
    assert before.manifest.id < after.manifest.id
    with pytest.raises(RunNotFound):
        chosen(folder, "05_benchmark", before="nothing")


def test_a_notebook_may_end_in_the_regression(runs):
    _, (first, second, third, invalid, *_) = runs
    pair = compare_runs(first, third)
    with pytest.raises(RegressionFound, match="TTFT"):
        pair.check()
    with pytest.raises(NotComparable, match="run invalid"):
        compare_runs(first, invalid).check()
    compare_runs(first, second).check()
    told = pair.headline()
    assert told["worse"] == len(pair.found.regressions) > 0
    assert sentence(pair.found.regressions[0]).count("%") == 1


def test_runs_without_a_model_in_common(tmp_path):
    one = run_folder(tmp_path, table(60, models=("small",)), 1)
    other = run_folder(tmp_path, table(60, models=("large",)), 2)
    with pytest.raises(NotComparable, match="no model in common: small and large"):
        compare_runs(one, other)
