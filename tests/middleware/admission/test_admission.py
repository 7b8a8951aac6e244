"""Who goes first, who is refused and what he is told."""

from __future__ import annotations

import asyncio
import os
from unittest import mock

import pytest
from pydantic import ValidationError

from middleware.admission.admission import FREE, Admission, Load
from middleware.admission.errors import PriorityTooHigh
from middleware.admission.priority import LAST, taken_from
from middleware.bedrock.errors import ThrottlingException, from_service
from middleware.errors import InvalidRequest, render_openai
from middleware.settings import Settings

from .calls import MODEL, Calls, admission


@pytest.fixture
def calls(request: pytest.FixtureRequest):
    made = []

    def make(*args, **kwargs) -> Calls:
        made.append(Calls(admission(*args, **kwargs)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_fifty_calls_of_priority_0_start_before_two_hundred_that_came_earlier(calls):
    all_ = calls(20)
    running = [all_.come(10) for _ in range(20)]
    late = [all_.come(10) for _ in range(200)]
    all_.loop.settle()
    first = [all_.come(0) for _ in range(50)]
    all_.loop.settle()
    assert all_.started == running
    for call in [*running, *first, *late]:
        call.end.set()
        all_.loop.settle()
        assert all_.running <= 20
    assert all_.started == [*running, *first, *late]
    assert all_.most == 20


def test_models_do_not_wait_for_each_other(calls):
    all_ = calls(1)
    all_.come(5), all_.come(5)
    other = all_.come(5, "a-model-without-a-limit")
    all_.loop.settle()
    assert other.state == "running"
    assert all_.admission.load() == {MODEL: Load(in_flight=1, waiting=1, limit=1)}


def test_a_full_queue_refuses_whoever_would_go_last(calls):
    all_ = calls(1, length=2)
    running, *waiting = [all_.come(priority) for priority in (5, 10, 5)]
    all_.loop.settle()
    as_late, later = all_.come(10), all_.come(11)
    all_.loop.settle()
    assert [as_late.state, later.state] == ["refused", "refused"]
    assert [call.state for call in waiting] == ["waiting", "waiting"]
    earlier = all_.come(0)
    all_.loop.settle()
    assert [call.state for call in waiting] == ["refused", "waiting"]
    running.end.set()
    all_.loop.settle()
    assert earlier.state == "running" and all_.loop.now == 1000.0


def test_without_a_queue_a_call_beyond_the_limit_is_refused_at_once(calls):
    all_ = calls(1, length=0)
    all_.come(5)
    refused = all_.come(0)
    all_.loop.settle()
    assert refused.state == "refused" and refused.refusal.headers == {"retry-after": "1"}


def test_a_wait_ends_after_its_time_and_says_when_to_come_again(calls):
    all_ = calls(1, seconds=10.0)
    running, *waiting = [all_.come(5) for _ in range(5)]
    all_.loop.settle()
    all_.loop.do(asyncio.sleep(4.0))
    running.end.set()  # one call in four seconds is the pace
    all_.loop.settle()
    all_.loop.do(asyncio.sleep(5.9))
    assert [call.state for call in waiting] == ["running", "waiting", "waiting", "waiting"]
    all_.loop.do(asyncio.sleep(0.2))
    assert [call.state for call in waiting] == ["running", "refused", "refused", "refused"]
    assert waiting[1].refusal.headers == {"retry-after": "10"}


def test_overload_is_429_on_both_interfaces(calls):
    all_ = calls(1, length=0)
    all_.come(5)
    refused = all_.come(5)
    all_.loop.settle()
    status, headers, body = render_openai(refused.refusal, "r")
    assert status == 429 and headers["retry-after"] == "1"
    assert b'"type":"requests"' in body and b'"code":"rate_limit_exceeded"' in body
    throttled = from_service(refused.refusal)
    assert type(throttled) is ThrottlingException and throttled.headers == {"retry-after": "1"}


def test_without_limits_nothing_is_kept():
    off = Admission(Settings(litellm_key="k", database_url="d"))
    assert off.is_off and off.slot("any", 0) is FREE and off.load() == {}


def test_limits_are_json_in_the_environment():
    limits = '{"gpt-4o": 50, "*": 200}'
    with mock.patch.dict(os.environ, {"MIDDLEWARE_MODEL_LIMITS": limits}):
        settings = Settings(litellm_key="k", database_url="d")
    assert settings.model_limits == {"gpt-4o": 50, "*": 200}
    limited = Admission(settings)
    assert limited.lane("x", 1) and limited.slot("gpt-4o", 0)._limit == 50
    assert limited.slot("another", 0)._limit == limited.slot("*", 0)._limit == 200
    with pytest.raises(ValidationError):
        Settings(litellm_key="k", database_url="d", model_limits={"gpt-4o": 0})
    with pytest.raises(ValidationError):
        Settings(litellm_key="k", database_url="d", default_priority=LAST + 1)
    assert Settings(litellm_key="k", database_url="d", default_priority=LAST)


@pytest.mark.parametrize(
    ("given", "taken"),
    [({"priority": 0}, 0), ({"priority": LAST}, LAST), ({"priority": None}, None), ({}, None)],
)
def test_the_field_is_taken_out_of_the_body(given, taken):
    fields = {**given, "model": "m"}
    assert taken_from(fields) == taken and fields == {"model": "m"}


@pytest.mark.parametrize("wrong", [-1, LAST + 1, 1.0, "0", True, False, [], {}, 10**30])
def test_what_is_no_priority_is_refused(wrong):
    with pytest.raises(InvalidRequest, match="priority must be a whole number from 0"):
        taken_from({"priority": wrong})


@pytest.mark.parametrize(
    ("asked", "best", "priority"),
    [(None, None, 100), (0, None, 0), (None, 7, 7), (7, 7, 7), (8, 7, 8), (0, 0, 0), (None, 0, 0)],
)
def test_what_nobody_asks_for_is_the_callers_best_or_the_standard(asked, best, priority):
    assert admission(1).priority(asked, best) == priority


def test_nobody_gets_a_better_priority_than_his_own():
    with pytest.raises(PriorityTooHigh, match="best priority of this key's calls is 7; 6 is not"):
        admission(1).priority(6, 7)
