"""The meter against what the simulator logged that it sent, and against itself when it is starved."""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd
import psutil
import pytest

from gateway_lib.benchmark import about
from tests.lib.benchmark.meter.conftest import CLAUDE, ITL_MS, MODEL, TTFT_MS

ATTEMPTS = 3


def deviations(frame: pd.DataFrame, sent: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Measured and true medians, in milliseconds, of the very requests of the table."""
    origin = about(frame).origin.timestamp()
    truth = sent.loc[frame["request_id"]]
    due = origin + frame["scheduled_s"].to_numpy()
    flow = truth["last_token_at"] - truth["first_token_at"]
    gaps = (flow / (truth["tokens_sent"] - 1)).to_numpy()
    ttft = truth["first_token_at"].to_numpy() - due
    return {
        "ttft_ms": (frame["ttft_ms"].median(), np.median(ttft) * 1000),
        "itl_ms": (frame["itl_ms"].median(), np.median(gaps) * 1000),
    }


@pytest.mark.parametrize("rate", [30, 100, 300])
def test_medians_are_those_of_the_simulators_log_or_the_run_is_invalid(
    simulator, rate, record_property
):
    for _ in range(ATTEMPTS):
        simulator.steady()
        others = psutil.cpu_percent(0.5) / 100
        load = {"kind": "poisson", "rate_rps": rate, "requests": min(10 * rate, 1500)}
        frame = simulator.measure(load)
        story = about(frame)
        assert (story.requested, len(frame)) == (load["requests"], load["requests"])
        found = deviations(frame, simulator.sent())
        [health] = story.health
        record_property(f"send_lag_p99_ms_at_{rate}", health.lag_p99_ms)
        print(f"{rate}/s", found, health.model_dump(), f"others {others:.0%}")
        if health.valid:
            for name, (measured, truth) in found.items():
                assert abs(measured - truth) <= max(1.0, 0.03 * truth), (name, measured, truth)
            return
        assert health.reasons
    # 30 a second is a tenth of what a core can do: only a machine that is busy may stop it
    assert rate > 30 or others > 0.5, health.reasons


def test_converse_is_measured_as_truly(simulator):
    load = {"kind": "constant", "rate_rps": 20, "requests": 100}
    frame = simulator.measure(load, models=[CLAUDE], interface="bedrock")
    assert frame["ok"].all()
    measured, truth = deviations(frame, simulator.sent())["itl_ms"]
    assert not about(frame).valid or abs(measured - truth) <= 1.0


def test_one_answer_in_one_piece_has_no_gaps(simulator):
    frame = simulator.measure({"kind": "constant", "rate_rps": 10, "requests": 20}, stream=False)
    assert frame["ok"].all() and not frame["streamed"].any()
    assert frame["itl_ms"].isna().all() and (frame["chunks"] == 1).all()
    assert (frame["total_ms"] >= TTFT_MS + 31 * ITL_MS).all()


def starve(simulator, seconds: float) -> None:
    """Once requests flow, let the meter run for 5 ms in every 30: a sixth of a core, in slices.

    Competitors for its core do not do it: Linux gives a process that sleeps much its turn soon.
    """
    while not simulator.control.state()["totals"]:
        time.sleep(0.05)
    [meter] = [
        child
        for child in psutil.Process().children()
        if "gateway_lib.benchmark.meter.worker" in child.cmdline()
    ]
    end = time.monotonic() + seconds
    while time.monotonic() < end and meter.is_running():
        meter.suspend()
        time.sleep(0.025)
        meter.resume()
        time.sleep(0.005)


def test_a_starved_meter_is_declared_invalid_and_says_why(simulator):
    starving = threading.Thread(target=starve, args=(simulator, 3))
    starving.start()
    try:
        frame = simulator.measure({"kind": "poisson", "rate_rps": 50, "requests": 200})
    finally:
        starving.join()
    story = about(frame)
    assert not story.valid
    [health] = story.health
    assert health.lag_p95_ms > 5
    print(story.invalid)
    assert all(reason.startswith("stage 0, shard 0: ") for reason in story.invalid)
    # invalid, and still whole: nothing is hidden
    assert len(frame) == story.requested == 200


def test_a_stall_shows_from_the_schedule_and_hides_from_the_naive_count(simulator):
    """The server freezes for a second while two connections are in use, as in a client with a pool."""

    def freeze_in_the_middle() -> None:
        while not [e for e in simulator.control.received(limit=1) if e["number"]]:
            time.sleep(0.05)
        time.sleep(2)
        simulator.freeze()
        time.sleep(1)
        simulator.thaw()

    simulator.control.profile(MODEL, ttft_ms={"constant": 5}, itl_ms={"constant": 0})
    freezing = threading.Thread(target=freeze_in_the_middle)
    freezing.start()
    try:
        load = {"kind": "constant", "rate_rps": 50, "requests": 300}
        frame = simulator.measure(load, connections=2, warmups=0)
    finally:
        freezing.join()
        simulator.thaw()
    assert frame["ok"].all()
    # some 50 requests were due within the second: a sixth of all
    late = (frame["total_ms"] > 200).sum()
    assert 35 <= late <= 120
    assert frame["total_ms"].quantile(0.95) > 500
    # two were under way when it froze; whoever counts from the sending sees only those
    assert (frame["total_sent_ms"] > 500).sum() <= 2
    assert frame["total_sent_ms"].quantile(0.95) < 200
    # and it was not the meter's doing
    [health] = about(frame).health
    assert health.lag_max_ms < 500
