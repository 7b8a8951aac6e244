"""Sweep and search against a queue whose capacity is known."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from gateway_lib.benchmark.meter.search import search, sweep
from gateway_lib.benchmark.plan.slo import Slo, goodput
from gateway_lib.benchmark.records.story import Stage, about, attrs
from gateway_lib.benchmark.records.table import frame_of
from gateway_lib.benchmark.results.steps import knee, saturated, steps
from tests.lib.benchmark.meter.test_shards import story
from tests.lib.benchmark.records.test_records import record
from tests.lib.benchmark.tables import health

CAPACITY = 50.0
SERVICE_S = 1 / CAPACITY


def queue(rate, n=600, seed=0, *, valid=True):
    """One server, first come first served, constant service: M/D/1."""
    random = np.random.default_rng(seed)
    due = np.cumsum(random.exponential(1 / rate, n))
    ended = np.empty(n)
    free = 0.0
    for number, moment in enumerate(due):
        free = ended[number] = max(moment, free) + SERVICE_S
    made = [
        record(
            number,
            rate_rps=rate,
            scheduled_s=moment,
            sent_s=moment,
            first_byte_s=end,
            first_token_s=end,
            last_token_s=end,
            done_s=end,
        )
        for number, (moment, end) in enumerate(zip(due, ended, strict=True))
    ]
    stage = Stage(
        number=0, rate_rps=rate, users=None, requested=n, achieved=n, seconds=float(ended[-1])
    )
    told = story(stages=(stage,), shards=1, health=(health(0, valid=valid),))
    return frame_of(made, attrs(told))


def trials(**changes):
    seeds = count()
    return lambda rate: queue(rate, seed=next(seeds), **changes)


def test_a_sweep_ends_beyond_saturation_and_finds_the_knee():
    found = sweep(trials(n=1500), 5, factor=1.4)
    table = steps(found.frame)
    assert [saturated(row) for _, row in table.iterrows()][-2:] == [True, True]
    assert table["load"].max() < 2.2 * CAPACITY
    # the power of an M/D/1 queue is greatest at a load of 2 - sqrt(2) = 0.586
    assert 0.4 * CAPACITY < found.knee.load < 0.8 * CAPACITY
    assert table["answered_rps"].iloc[-1] == pytest.approx(CAPACITY, rel=0.03)


def test_a_knee_is_not_made_up():
    table = steps(sweep(trials(), 5, factor=1.4, most=4).frame)
    assert knee(table).load is None and "still pays at" in knee(table).said
    assert "three steps" in knee(table.iloc[:2]).said
    invalid = table.assign(valid=False)
    assert "three steps" in knee(invalid).said
    over = steps(sweep(trials(), 45, factor=1.2, most=4).frame)
    assert knee(over).load is None and knee(over).said.startswith("below 45")


@pytest.mark.parametrize("start", [1, 40, 400])
def test_a_search_closes_in_on_the_rate_that_meets_the_objectives(start):
    # wait 5 % exceed: of the M/D/1 queue above by simulation, between 30 and 42 a second
    slo = Slo(total_ms=100, share=0.95)
    truth = [
        rate for rate in range(20, 50) if slo.kept(queue(rate, n=40_000, seed=9)).mean() >= 0.95
    ][-1]
    found = search(trials(n=2000), slo, start, precision=0.2)
    assert found.rate_rps is not None and found.rate_rps <= truth * 1.05
    assert found.fails_rps is None or found.fails_rps >= truth * 0.95
    # either both are close, or it says at which rate between it cannot tell
    close = found.fails_rps and found.fails_rps <= found.rate_rps * 1.2
    assert close or any(found.rate_rps < rate < 1.2 * truth for rate in found.undecided_rps)
    assert about(found.frame).achieved == len(found.frame)


def test_a_search_says_when_it_cannot_tell():
    found = search(trials(n=10), Slo(total_ms=100), 2)
    assert found.rate_rps is None and found.undecided_rps == (2,)
    assert "cannot tell at 2/s: 100.0% [88.6%, 100.0%] good of 30" in found.said


def test_an_overloaded_meter_ends_the_search_and_the_sweep():
    found = search(trials(valid=False), Slo(total_ms=100), 2)
    assert "stopped at 2/s: stage 0, shard 0: send lag p99 of 900 ms" in found.said
    assert len(about(found.frame).stages) == 1
    assert len(about(sweep(trials(valid=False), 2).frame).stages) == 1


def test_goodput_counts_what_kept_every_objective_and_no_failure():
    slo = Slo(ttft_ms=1000, itl_ms=300, share=0.5)
    rows = [
        record(0),
        record(1, first_token_s=2.5),
        record(2, chunks=1, last_token_s=2.0),
        record(3, last_token_s=9.0),
        record(4, ok=False, first_token_s=None, last_token_s=None, chunks=0),
    ]
    frame = frame_of(rows)
    assert list(slo.kept(frame)) == [True, False, True, False, False]
    found = goodput(frame, slo)
    assert (found.share.value, found.seconds, found.rps) == (0.4, 2.5, pytest.approx(0.8))
    assert found.meets(slo) is None
    many = goodput(frame_of([record(n) for n in range(100)]), slo)
    assert many.meets(slo) is True
    assert many.meets(Slo(total_ms=1, share=0.99)) is None
