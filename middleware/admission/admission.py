"""The one place where a call waits for its turn, on every interface.

Limits are a process's own: replicas know nothing of each other's calls. See docs/priority.md.
"""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType

from middleware.admission.lane import Bounds, Lane
from middleware.admission.priority import granted
from middleware.metrics.instruments import ADMISSION_WAIT
from middleware.settings import Settings

Slot = AbstractAsyncContextManager[None]
"""As a context it holds one of a model's slots: entering waits for it, leaving gives it back."""

FREE: Slot = nullcontext()
"""What a call holds where its model has no limit; it can be entered any number of times."""
OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a model is."""

    in_flight: int
    waiting: int
    limit: int


class Admission:
    """Knows the limits, and has a lane for every model that has calls under way."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.model_limits
        self._others = settings.model_limits.get(OTHERS)
        self._bounds = Bounds(settings.queue_length, settings.queue_seconds)
        self._standard = settings.default_priority
        self._lanes: dict[str, Lane] = {}

    @property
    def is_off(self) -> bool:
        """Whether no model has a limit, and so no call ever waits."""
        return not self._limits

    def priority(self, asked: int | None, best: int | None) -> int:
        """The priority of a call: what was asked for, else the caller's own best, else everybody's.

        Raises:
            PriorityTooHigh: more was asked for than the caller's policy gives him, and somebody may wait.
        """
        return self._standard if self.is_off else granted(asked, best, self._standard)

    def slot(self, model: str, priority: int) -> Slot:
        """A slot for one call, to be entered once: `async with admission.slot(model, priority): ...`.

        Args:
            model: LiteLLM's name for it, whatever the caller called it.
            priority: the lower the earlier.

        Raises:
            Overloaded: on entering, when the call cannot have its turn in time.
        """
        limit = self._limits.get(model, self._others)
        return FREE if limit is None else _Slot(self, model, limit, priority)

    def limited(self, model: str) -> str:
        """The name under which a model's limit is set: callers choose the others, and there is no end."""
        return model if model in self._limits else OTHERS

    def load(self) -> dict[str, Load]:
        """How busy each model is that has a limit and calls under way."""
        return {
            model: Load(lane.in_flight, len(lane.waiting), lane.limit)
            for model, lane in self._lanes.items()
        }

    def lane(self, model: str, limit: int) -> Lane:
        """The lane of a model, made when its first call comes."""
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane(limit, self._bounds)
        return lane

    def left(self, model: str, lane: Lane) -> None:
        """Forget a lane without calls: callers choose the names, and there is no end of names."""
        if not lane.in_flight and self._lanes.get(model) is lane:
            del self._lanes[model]


class _Slot:
    """A slot of one lane."""

    __slots__ = ("_admission", "_lane", "_limit", "_model", "_priority")

    def __init__(self, admission: Admission, model: str, limit: int, priority: int) -> None:
        self._admission = admission
        self._model = model
        self._limit = limit
        self._priority = priority

    async def __aenter__(self) -> None:
        lane = self._lane = self._admission.lane(self._model, self._limit)
        if lane.enter():
            return
        began = time.perf_counter()
        try:
            await lane.wait(self._priority)
        except BaseException:
            self._admission.left(self._model, lane)
            raise
        finally:
            named = self._admission.limited(self._model)
            ADMISSION_WAIT.labels(named).observe(time.perf_counter() - began)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._lane.leave()
        self._admission.left(self._model, self._lane)
