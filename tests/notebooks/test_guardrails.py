"""Notebook 04_guardrails and `gateway guardrails` on the stack find what the policy has planted, no more."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import httpx
import pandas as pd
import pytest

from gateway_lib import guardrails
from gateway_lib.guardrails.records import read
from gateway_lib.guardrails.suite import load_suite
from gateway_lib.runs.manifest import Manifest
from tests.conftest import wait_until
from tests.notebooks.planted import truth
from tests.notebooks.test_notebooks import run

NAMED, ASYNC, CANDIDATE = "grworkbench1", "bedrock/grworkbench1/1/async", "grworkbench1-candidate"
SEED = 7
OPEN_BY_NATURE = {"tool_arguments", "document", "encoded", "streamed_async"}
"""What no guardrail of the local stack looks at or sees through, and AWS's own asynchronous mode."""

pytestmark = pytest.mark.timeout(1200)  # whole notebooks and suites


def command(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "gateway_lib", "guardrails", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1140,
    )


@pytest.fixture(scope="module")
def sampled(stack, tmp_path_factory):
    """The notebook with a sample, streamed, over both interfaces."""
    folder = tmp_path_factory.mktemp("runs")
    parameters = ["-p", "n=60", "-p", f"seed={SEED}", "-p", "streamed=true", "-p", "concurrency=8"]
    [done] = run(stack.environment, folder, "04_guardrails", *parameters)
    return done


@pytest.fixture(scope="module")
def whole(stack, tmp_path_factory):
    """The whole suite, by the command."""
    folder = tmp_path_factory.mktemp("whole")
    options = ("--interface", "openai", "--not-streamed", "--json", "--runs-dir", str(folder))
    done = command(stack.environment, "run", "-g", NAMED, "--max-leaks", "100", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


def found(frame, guardrail, interface):
    rows = frame[(frame["guardrail"] == guardrail) & (frame["interface"] == interface)]
    return {row.case: (row.outcome, row.leaked_tokens) for row in rows.itertuples()}


def expected(cases, mode, interface):
    planted = truth(mode, interface)
    return {case: (planted[case].outcome, planted[case].leaked) for case in cases}


@pytest.mark.parametrize("interface", ["openai", "bedrock"])
@pytest.mark.parametrize(("guardrail", "mode"), [(NAMED, "named"), (ASYNC, "async")])
def test_the_notebook_finds_exactly_what_is_planted(sampled, guardrail, mode, interface):
    frame = read(sampled[1] / "records.parquet")
    got = found(frame, guardrail, interface)
    assert len(got) == 60
    assert got == expected(got, mode, interface)
    if mode == "async":
        assert any(leaked for _, leaked in got.values()), "the sample has a streaming leak"


def test_the_notebook_says_what_it_found(sampled):
    manifest, folder = sampled
    assert manifest.status == "succeeded"
    figures, frame = manifest.metrics, read(folder / "records.parquet")
    assert figures["errors"] == 0 and figures["calls"] == len(frame)
    planted = truth("async", "openai")
    most = max(planted[case].leaked for case in frame["case"].unique())
    assert figures["streaming_leak_tokens"] == most > 0
    assert figures["limits_missed"] > 0 and 0 < figures["leak_pct"] < 100
    assert figures["promote"] in ("promote", "do not promote", "cannot tell yet")
    assert figures["agree_interface_pct"] > 90
    names = [artefact.path for artefact in manifest.artefacts if artefact.alt]
    assert names == [f"figures/{n}.png" for n in ("rates", "leaks-obfuscation", "leaks-place")]
    report = (folder / "report.html").read_text()
    assert "cases leaked, more than 40 %" in report


def test_the_notebook_tries_ways_round_and_finds_those_that_are_open(sampled):
    manifest, folder = sampled
    states = json.loads((folder / "summary.json").read_text())["summary"]["probes"]
    assert len(states) >= 20 and manifest.metrics["probes"] == len(states)
    assert {name for name, state in states.items() if state == "open"} == OPEN_BY_NATURE
    assert manifest.metrics["probes_open"] == len(OPEN_BY_NATURE)


def test_the_command_finds_the_ways_round_that_are_open_without_the_middleware(stack):
    (litellm,) = [part for part in stack.snapshot["components"] if part["name"] == "litellm"]
    known = {**stack.environment, "GATEWAY_BASE_URL": litellm["address"]}
    names = ("unknown_name", "malformed_names", "disabled_per_key", "history", "service_down")
    only = [argument for name in names for argument in ("--only", name)]
    done = command(known, "probe", "--gateway", litellm["address"], "--json", *only)
    assert done.returncode == 3 and "ways round grworkbench1: unknown_name" in done.stderr
    states = {one["probe"]: one["state"] for one in json.loads(done.stdout)}
    opened = {name for name, state in states.items() if state == "open"}
    assert opened == {"unknown_name", "malformed_names", "disabled_per_key"}
    assert "forbidden-word" not in done.stdout


def test_the_whole_suite_leaks_and_raises_alarms_where_planted_and_nowhere_else(whole):
    told, folder = whole
    [path] = folder.glob("*/records.parquet")
    frame = read(path)
    planted = truth("named", "openai")
    by_id = {case.id: case for case in load_suite("starting").cases}
    order = ("allow", "mask", "block")
    leaks = {
        name
        for name, case in by_id.items()
        if order.index(planted[name].outcome) < order.index(case.expected)
    }
    alarms = {
        name
        for name, case in by_id.items()
        if case.expected == "allow" and planted[name].outcome != "allow"
    }
    assert len(by_id) >= 200 and len(leaks) > 50 and len(alarms) >= 10
    assert guardrails.wrong(frame) == leaks
    assert guardrails.wrong(frame, "false_alarm") == alarms
    assert told["leak_pct"] == pytest.approx(guardrails.rates(frame)["leak_rate"].max() * 100)
    assert told["errors"] == 0 and not told["interrupted"]


def texts():
    """What must be nowhere: the texts of cases to block or to mask, with their commonest halves."""
    for case in load_suite("starting").cases:
        if case.expected != "allow":
            yield from (text for text in case.texts if len(text) > 12)
            yield from case.secrets


def test_no_text_of_a_case_is_in_any_file_of_a_run_or_any_log(sampled, whole, stack):
    canaries = sorted(set(texts()))
    folders = [sampled[1], *(p.parent for p in whole[1].glob("*/records.parquet"))]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix == ".parquet":
                held = pd.read_parquet(path).to_csv()
            elif path.is_file() and path.suffix != ".png":
                held = path.read_text()
            else:
                continue
            for text in canaries:
                assert text not in held and json.dumps(text)[1:-1] not in held, path.name
    for path in stack.state.logs.iterdir():
        held = path.read_text(errors="replace")
        assert not [text for text in canaries if text in held], path.name


def test_reveal_shows_them_and_only_then(sampled):
    frame = read(sampled[1] / "records.parquet")
    suite = load_suite("starting")
    shown = guardrails.examples(frame, suite, reveal=True, most=None)
    hidden = guardrails.examples(frame, suite, most=None)
    assert set(shown["text"]) & set(texts()) and not set(hidden["text"]) & set(texts())


def test_limits_names_and_versions_on_the_command_line(stack, whole, sampled):
    _, folder = whole
    few = ("--cases", "4", "--interface", "openai", "--not-streamed", "--runs-dir", str(folder))
    done = command(stack.environment, "run", "-g", NAMED, "--max-leaks", "0", *few)
    assert done.returncode == 3 and re.search(r"cases leaked, more than 0 %", done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1
    unknown = command(stack.environment, "run", "-g", "no-such", *few)
    assert (
        unknown.returncode == 1 and "no guardrail 'no-such'; it has grworkbench1" in unknown.stderr
    )
    runs_dir = ("--runs-dir", str(sampled[1].parent), "--json")
    names = ("--from", NAMED, "--to", CANDIDATE)
    compared = command(stack.environment, "compare", sampled[0].id, *names, *runs_dir)
    found = json.loads(compared.stdout)
    assert compared.returncode == (3 if found["promote"] is False else 0)
    assert found["leaks"]["mended"], "the candidate sees through more disguises"


def test_an_interrupted_run_keeps_what_it_has(stack, tmp_path):
    received = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/received"
    httpx.delete(received, trust_env=False, timeout=60)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gateway_lib", "guardrails", "run", "-g", NAMED),
            *("--concurrency", "1", "--runs-dir", str(tmp_path)),
        ],
        env={**os.environ, **stack.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # checks are under way, and some have ended
    wait_until(lambda: len(httpx.get(received, trust_env=False, timeout=60).json()) > 20, 120)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted: " in told
    [folder] = tmp_path.glob("*-guardrails_starting-*")
    assert Manifest.read(folder).status == "interrupted"
    frame = read(folder / "records.parquet")
    assert len(frame) > 0 and frame.attrs["guardrails"]["interrupted"]
