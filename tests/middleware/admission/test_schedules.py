"""Any order of coming, ending, leaving and waiting: against a model of it, and step by step."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .calls import MODEL, Call, Calls, admission

SECONDS = 30.0
PRIORITIES = st.sampled_from((0, 1, 10, 10, 9999))


class Admissions(RuleBasedStateMachine):
    """Every event is over before the next; so who runs, who waits and who is refused is known exactly."""

    @rule(limit=st.integers(1, 4), length=st.integers(0, 6))
    @precondition(lambda self: not hasattr(self, "calls"))
    def begin(self, limit: int, length: int) -> None:
        self.limit, self.length = limit, length
        self.calls = Calls(admission(limit, length=length, seconds=SECONDS))
        self.running: list[Call] = []
        self.waiting: list[Call] = []
        self.refused: list[Call] = []
        self.due: dict[Call, float] = {}

    def order(self) -> list[Call]:
        return sorted(self.waiting, key=lambda call: call.priority)  # stable: the first come first

    def let_in(self) -> None:
        while len(self.running) < self.limit and self.waiting:
            call = self.order()[0]
            self.waiting.remove(call)
            self.running.append(call)

    @precondition(lambda self: hasattr(self, "calls"))
    @rule(priority=PRIORITIES)
    def come(self, priority: int) -> None:
        call = self.calls.come(priority)
        self.due[call] = self.calls.loop.now + SECONDS
        self.calls.loop.settle()
        self.waiting.append(call)
        self.let_in()
        if len(self.waiting) > self.length:
            last = self.order()[-1]
            self.waiting.remove(last)
            self.refused.append(last)

    @precondition(lambda self: getattr(self, "running", None))
    @rule(data=st.data(), leaves=st.booleans())
    def end(self, data: st.DataObject, leaves: bool) -> None:
        call = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if leaves:
            self.calls.leave(call)
        else:
            call.end.set()
        self.calls.loop.settle()
        self.let_in()

    @precondition(lambda self: getattr(self, "waiting", None))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        call = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        self.calls.leave(call)
        self.calls.loop.settle()
        assert call.state == "gone"

    @precondition(lambda self: hasattr(self, "calls"))
    @rule(seconds=st.sampled_from((1.0, 10.0, 29.0)))
    def wait(self, seconds: float) -> None:
        self.calls.loop.do(asyncio.sleep(seconds))
        self.calls.loop.settle()
        over = [call for call in self.waiting if self.due[call] <= self.calls.loop.now]
        self.waiting = [call for call in self.waiting if call not in over]
        self.refused += over

    @invariant()
    def is_as_expected(self) -> None:
        if hasattr(self, "calls"):
            states = {"running": self.running, "waiting": self.waiting, "refused": self.refused}
            for state, expected in states.items():
                found = {call for call in self.calls.all if call.state == state}
                assert found == set(expected), state
            loads = {
                model: (load.in_flight, load.waiting)
                for model, load in self.calls.admission.load().items()
            }
            busy = (len(self.running), len(self.waiting))
            assert loads == ({MODEL: busy} if self.running else {})
            assert all(1 <= int(call.refusal.headers["retry-after"]) <= 60 for call in self.refused)

    def teardown(self) -> None:
        if hasattr(self, "calls"):
            self.calls.close()


TestAdmissions = Admissions.TestCase
TestAdmissions.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)

# an event and whom it is about; "turn" lets the loop make one step, so that events meet at any await
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("come", "come", "end", "leave", "turn", "turn", "wait")),
        st.integers(0, 9999),
    ),
    max_size=60,
)


@given(events=EVENTS, limit=st.integers(1, 3), length=st.integers(0, 8))
@settings(max_examples=300, deadline=None)
def test_no_slot_is_lost_or_given_twice(events, limit, length):
    calls = Calls(admission(limit, length=length, seconds=SECONDS))
    for event, number in events:
        some = calls.all[number % len(calls.all)] if calls.all else None
        if event == "come":
            calls.come(number % 3)
        elif event == "turn":
            calls.loop.turn()
        elif event == "wait":
            calls.loop.do(asyncio.sleep(number % 40))
        elif some and event == "end":
            some.end.set()
        elif some:
            calls.leave(some)
    calls.loop.settle()
    assert calls.most <= limit
    states = [call.state for call in calls.all]
    assert states.count("running") == calls.running
    if "waiting" in states:
        assert calls.running == limit
    rest = [call for call in calls.all if call.state == "waiting"]
    while any(call.state == "waiting" for call in rest):
        next(call for call in calls.all if call.state == "running").end.set()
        calls.loop.settle()
    went = [call for call in calls.started if call in rest]
    assert went == sorted(
        rest, key=lambda call: call.priority
    )  # and within one number as they came
    calls.close()
    assert {call.state for call in calls.all} <= {"done", "gone", "refused"}


@pytest.mark.parametrize("steps_before", range(4))
@pytest.mark.parametrize("steps_after", range(4))
@pytest.mark.parametrize("first", ["end", "leave"])
def test_a_waiter_may_leave_while_the_slot_is_handed_to_him(steps_before, steps_after, first):
    calls = Calls(admission(1))
    holder, waiter, next_one = calls.come(5), calls.come(5), calls.come(5)
    calls.loop.turn(steps_before)
    events = [holder.end.set, lambda: calls.leave(waiter)]
    for event in events if first == "end" else reversed(events):
        event()
        calls.loop.turn(steps_after)
    calls.loop.settle()
    assert waiter.state == "gone" and next_one.state == "running" and calls.most == 1
    calls.close()


def test_a_coroutine_that_is_thrown_away_takes_nothing_along():
    calls = Calls(admission(1))
    holder = calls.come(5)
    calls.loop.settle()

    async def wait():
        async with calls.admission.slot(MODEL, 1):
            pass

    async def drop():
        thrown_away = wait()
        thrown_away.send(None)
        assert calls.admission.load()[MODEL].waiting == 1
        thrown_away.close()
        assert calls.admission.load()[MODEL].waiting == 0

        granted = wait()
        granted.send(None)
        holder.end.set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert holder.state == "done" and calls.admission.load()[MODEL].in_flight == 1
        granted.close()

    calls.loop.do(drop())
    calls.close()
