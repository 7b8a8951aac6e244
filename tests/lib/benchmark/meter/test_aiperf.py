"""AIPerf's export, six lines as AIPerf 0.13.0 wrote them against the simulator, less the parts not read."""

from pathlib import Path

import pytest

from gateway_lib.benchmark import about, spec_of
from gateway_lib.benchmark.meter import aiperf
from gateway_lib.benchmark.meter.aiperf_export import read_export
from gateway_lib.benchmark.plan.schedule import plans
from gateway_lib.errors import MeterMissing, SpecError

EXPORT = Path(__file__).with_name("aiperf_export.jsonl")
SPEC = {
    "models": ["gpt-4o-mini"],
    "target": "provider",
    "prompts": {"words": 5, "count": 4},
    "max_tokens": 8,
    "load": {"kind": "constant", "rate_rps": 10, "requests": 6},
    "seed": 1,
}


def test_an_export_becomes_records_of_the_same_requests():
    spec = spec_of(SPEC)
    [plan] = plans(spec)
    frame = read_export(EXPORT, spec, plan, "http://localhost")
    told = about(frame)
    assert (told.meter, told.requested, told.achieved) == ("aiperf", 6, 6)
    assert list(frame["request"]) == list(range(6))
    assert list(frame["question"]) == [planned.prompt.id for planned in plan.requests]
    assert list(frame["scheduled_s"]) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert list(frame["error_kind"].astype(object).fillna("")) == [
        "http_429",
        "incomplete",
        "",
        "",
        "",
        "",
    ]
    assert list(frame["status"]) == [429, 200, 200, 200, 200, 200]
    assert frame["error"].iloc[0].startswith("Rate limit reached")
    good = frame[frame["ok"]]
    # the simulator's truth: 8 tokens, the first after 40 ms, then one every 5 ms
    assert set(good["chunks"]) == set(good["tokens_out"]) == {8}
    assert good["ttft_ms"].between(40, 60).all()
    assert good["itl_ms"].between(4, 6).all()
    assert (good["lag_ms"] >= 0).all() and good["request_id"].str.startswith("req_").all()
    assert (good["total_ms"] >= good["ttft_ms"]).all()
    [health] = told.health
    assert health.lag_max_ms > 0 and health.cpu_share is None


def test_an_export_of_something_else_is_refused(tmp_path):
    path = tmp_path / "profile_export.jsonl"
    path.write_text('{"metadata": {}}\n')
    spec = spec_of(SPEC)
    with pytest.raises(MeterMissing, match="not what AIPerf writes"):
        read_export(path, spec, plans(spec)[0], "http://localhost")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"interface": "bedrock"}, "interface"),
        ({"models": ["a", "b"]}, "models"),
        ({"load": [SPEC["load"]] * 2}, "load"),
        ({"load": {"kind": "closed", "users": 1, "requests": 1}}, "open loops only"),
        ({"target": "gateway", "history": True}, "history"),
    ],
)
def test_what_aiperf_cannot_do_is_refused(change, told, tmp_path):
    program = tmp_path / "aiperf"
    program.write_text("#!/bin/sh\necho 'no such option' >&2; exit 3\n")
    program.chmod(0o755)
    with pytest.raises(SpecError, match=told):
        aiperf.measure(spec_of({**SPEC, **change}), executable=program)


def test_a_program_that_is_missing_or_fails_is_an_error_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(MeterMissing, match=r"pip install aiperf=="):
        aiperf.found(tmp_path / "none")
    program = tmp_path / "aiperf"
    program.write_text("#!/bin/sh\necho 'no such option' >&2; exit 3\n")
    program.chmod(0o755)
    from gateway_lib.settings import settings_of

    known = settings_of({"GATEWAY_BASE_URL": "http://localhost", "GATEWAY_API_KEY": "k"})
    with pytest.raises(MeterMissing, match="status 3: no such option"):
        aiperf.measure(spec_of(SPEC), known, program)


def test_the_key_is_named_and_never_written():
    spec = spec_of({**SPEC, "target": "gateway"})
    config = aiperf._config(spec, plans(spec)[0], "http://localhost", Path("somewhere"))
    endpoint = config["benchmark"]["endpoint"]
    assert endpoint["apiKey"] == "${GATEWAY_API_KEY}"
    assert endpoint["extra"]["cache"] == {"no-cache": True}
    asked = config["benchmark"]["dataset"]["records"]
    assert [row["timestamp"] for row in asked] == pytest.approx([0, 100, 200, 300, 400, 500])
