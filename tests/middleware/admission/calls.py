"""Calls whose ends a test decides, on a loop whose time passes as the test says."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable
from typing import Any, TypeVar

from middleware.admission.admission import Admission
from middleware.admission.errors import Overloaded
from middleware.settings import Settings

MODEL = "any-model"
T = TypeVar("T")


def admission(limit: int, *, length: int = 1000, seconds: float = 30.0, **more: Any) -> Admission:
    return Admission(
        Settings(
            litellm_key="sk-service",
            database_url="postgresql://127.0.0.1:9/none",
            model_limits={MODEL: limit},
            queue_length=length,
            queue_seconds=seconds,
            **more,
        )
    )


class Clock(asyncio.SelectorEventLoop):
    """A loop that does not wait: its clock jumps to whatever is due next."""

    def __init__(self) -> None:
        self.now = 1000.0
        loop = self

        class Selector(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> Any:
                assert timeout is not None, "nothing will ever happen"
                loop.now += timeout
                return super().select(0)

        super().__init__(Selector())

    def time(self) -> float:
        return self.now

    def do(self, what: Awaitable[T]) -> T:
        return self.run_until_complete(what)

    def turn(self, times: int = 1) -> None:
        """Let everybody who can do so make a step, so many times."""
        for _ in range(times):
            self.do(asyncio.sleep(0))

    def settle(self) -> None:
        self.turn(6)


class Call:
    """One call. `state`: new, waiting, running, done, refused or gone."""

    def __init__(self, calls: Calls, priority: int, model: str = MODEL) -> None:
        self.priority = priority
        self.model = model
        self.state = "new"
        self.refusal: Overloaded | None = None
        self.end = asyncio.Event()
        self._calls = calls
        self.task = calls.loop.create_task(self._run())

    async def _run(self) -> None:
        calls = self._calls
        self.state = "waiting"
        try:
            async with calls.admission.slot(self.model, self.priority):
                self.state = "running"
                calls.started.append(self)
                calls.running += 1
                calls.most = max(calls.most, calls.running)
                try:
                    await self.end.wait()
                finally:
                    calls.running -= 1
            self.state = "done"
        except Overloaded as error:
            self.state, self.refusal = "refused", error
        except asyncio.CancelledError:
            self.state = "gone"
            raise


class Calls:
    """All calls of a test."""

    def __init__(self, admission: Admission) -> None:
        self.loop = Clock()
        self.admission = admission
        self.all: list[Call] = []
        self.started: list[Call] = []
        self.running = self.most = 0

    def come(self, priority: int, model: str = MODEL) -> Call:
        call = Call(self, priority, model)
        self.all.append(call)
        return call

    def leave(self, call: Call) -> None:
        call.task.cancel()
        if call.state == "new":
            call.state = "gone"  # it will not make its first step

    def close(self) -> None:
        """End everything, and see that nothing is left behind."""
        for call in self.all:
            call.end.set()
        try:
            self.loop.do(_ended([call.task for call in self.all]))
            assert self.admission.load() == {} and self.running == 0
        finally:
            self.loop.close()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
