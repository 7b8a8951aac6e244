"""The whole suite through boto3 against the simulator alone: what is planted is found, and nothing else."""

from __future__ import annotations

import httpx
import pytest

from gateway_lib import guardrails
from gateway_lib.settings import settings_of
from tests.lib.simulator.conftest import server  # noqa: F401
from tests.notebooks.planted import planted, policy

HELD, UNBUFFERED, NEWER = (
    "bedrock/grworkbench1/1",
    "bedrock/grworkbench1/1/async",
    "bedrock/grworkbench1/2",
)
NOVA = "amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def suite():
    return guardrails.load_suite("starting")


@pytest.fixture(scope="module")
def frame(server, suite):  # noqa: F811
    """Every case in three ways, streamed, by a model and a guardrail that take no time."""
    at_once = {"ttft_ms": {"constant": 0}, "itl_ms": {"constant": 0}}
    with httpx.Client(base_url=f"{server}/control", timeout=60) as control:
        control.put(f"/profiles/{NOVA}", json=at_once).raise_for_status()
        for version in ("1", "2"):
            path = f"/guardrails/grworkbench1/{version}"
            control.put(path, json={"latency_ms": {"constant": 0}}).raise_for_status()
    known = settings_of({"GATEWAY_BASE_URL": server, "GATEWAY_API_KEY": "sk-anybody"})
    asked = {
        "interfaces": ["bedrock"],
        "streamed": [True],
        "bedrock_model": NOVA,
        "settings": known,
    }
    plan = guardrails.plan(suite, [HELD, UNBUFFERED, NEWER], **asked)
    seen = []
    found = guardrails.run(plan, known, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(found)) for n in range(1, len(found) + 1)]
    return found


@pytest.mark.parametrize(
    ("name", "mode", "version"),
    [(HELD, "sync", "1"), (UNBUFFERED, "async", "1"), (NEWER, "sync", "2")],
)
def test_every_case_comes_to_what_the_policy_makes_of_it(frame, suite, name, mode, version):
    rows = frame[frame["guardrail"] == name].set_index("case")
    assert len(rows) == len(suite.cases) and (rows["outcome"] != "error").all()
    for case in suite.cases:
        truth = planted(case, suite, policy(version), mode, "bedrock")
        row = rows.loc[case.id]
        assert (row["outcome"], row["leaked_tokens"]) == (truth.outcome, truth.leaked), case.id


def test_leaks_false_alarms_and_streaming_leaks_are_those_planted(frame, suite):
    order = ("allow", "mask", "block")
    truth = {c.id: planted(c, suite, policy(), "async", "bedrock") for c in suite.cases}
    leaks = {
        c.id for c in suite.cases if order.index(truth[c.id].outcome) < order.index(c.expected)
    }
    alarms = {c.id for c in suite.cases if c.expected == "allow" != truth[c.id].outcome}
    rows = frame[frame["guardrail"] == UNBUFFERED]
    assert guardrails.wrong(rows) == leaks and len(leaks) > 50
    assert guardrails.wrong(rows, "false_alarm") == alarms and len(alarms) >= 10
    table = guardrails.streaming_leak(frame)["tokens"].to_dict()
    assert {way[0]: tokens for way, tokens in table.items()} == {
        HELD: 0,
        NEWER: 0,
        UNBUFFERED: sum(one.leaked for one in truth.values()),
    }
    assert table[(UNBUFFERED, "guardrailConfig", "bedrock")] > 12


def test_the_trace_bills_and_names_the_policies(frame):
    rows = frame[frame["guardrail"] == HELD]
    assert set(rows["units_source"]) == {"trace"} and (rows["text_units"] > 0).all()
    assert (rows.loc[rows["outcome"] == "block", "trace"] != "").all()
    words = rows[(rows["category"] == "house-words") & (rows["outcome"] == "block")]
    assert set(words["trace"]) == {"wordPolicy"}


def test_the_newer_version_is_compared_with_the_one_in_use(frame, suite):
    found = guardrails.compare(frame, frame, (HELD, NEWER))
    for change, expected in ((found.leaks, {"block", "mask"}), (found.false_alarms, {"allow"})):
        assert change.n == sum(case.expected in expected for case in suite.cases)
    assert {"homoglyph", "spacing"} <= {name.rpartition(".")[2] for name in found.leaks.mended}
    assert "house-words-02" in found.leaks.broken
    assert found.false_alarms.broken == ("house-words-lookalike-01",)


def test_who_does_not_answer_is_an_error_and_no_leak(suite):
    nobody = settings_of({"GATEWAY_BASE_URL": "http://127.0.0.1:9", "GATEWAY_API_KEY": "sk-x"})
    plan = guardrails.plan(suite.sample(5), [HELD], settings=nobody)
    found = guardrails.run(plan, nobody, progress=lambda done, total: None)
    assert set(found["error_kind"]) == {"connection"} and set(found["outcome"]) == {"error"}
    assert guardrails.rates(found)["leak_rate"].isna().all()
