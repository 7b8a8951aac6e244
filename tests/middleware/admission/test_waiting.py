"""The queue does what a sorted list does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from middleware.admission.waiting import Waiter, Waiting

PRIORITIES = st.integers(0, 4) | st.integers(0, 9999)


class Queue(RuleBasedStateMachine):
    """`known` is the truth: priority, arrival and waiter of each who waits, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.waiting = Waiting()
        self.known: list[tuple[int, int, Waiter]] = []
        self.gone: list[tuple[int, Waiter]] = []
        self.arrivals: Iterator[int] = iter(range(10**9))

    @rule(priority=PRIORITIES)
    def add(self, priority: int) -> None:
        waiter: Waiter = self.loop.create_future()
        self.waiting.add(priority, waiter)
        self.known.append((priority, next(self.arrivals), waiter))
        self.known.sort(key=lambda one: one[:2])

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.known) - 1))
        priority, _, waiter = self.known.pop(index)
        self.waiting.remove(priority, waiter)
        self.gone.append((priority, waiter))

    @precondition(lambda self: self.gone)
    @rule()
    def remove_again(self) -> None:
        self.waiting.remove(*self.gone[-1])

    @precondition(lambda self: self.known)
    @rule()
    def first(self) -> None:
        priority, _, waiter = self.known.pop(0)
        assert self.waiting.first() is waiter
        self.gone.append((priority, waiter))

    @precondition(lambda self: self.known)
    @rule()
    def last(self) -> None:
        priority, _, waiter = self.known.pop()
        assert self.waiting.worst == priority
        assert self.waiting.last() is waiter
        self.gone.append((priority, waiter))

    @invariant()
    def is_as_long(self) -> None:
        assert len(self.waiting) == len(self.known)

    def teardown(self) -> None:
        for _, _, waiter in self.known:
            assert self.waiting.first() is waiter
        assert not self.waiting and not self.waiting._levels and not self.waiting._order
        self.loop.close()


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=50, deadline=None)
