"""Loads: when requests are due, or how many users send them.

In an open loop requests come when they come, whatever the server does: the load of a service with many
users, and the only one under which an overload shows. In a closed loop each user waits for the answer,
thinks, and asks again: the load of a batch job or a few people, which slows down with the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from gateway_lib.errors import SpecError


class _Load(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Open(_Load):
    """Requests per second, for so many requests or for so long."""

    rate_rps: PositiveFloat
    seconds: PositiveFloat | None = None
    requests: PositiveInt | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.seconds is None) == (self.requests is None):
            raise ValueError("give either seconds or requests")
        return self

    @property
    def count(self) -> int:
        """Requests: as given, else as many as the rate makes in the time."""
        return self.requests or max(1, round(self.rate_rps * (self.seconds or 0)))

    @property
    def users(self) -> None:
        return None


class Poisson(_Open):
    """Independent arrivals: gaps are exponential with mean 1 / rate."""

    kind: Literal["poisson"] = "poisson"

    def due(self, random: np.random.Generator) -> np.ndarray:
        """Seconds from the start of the stage, ascending, one for each request."""
        return np.cumsum(random.exponential(1 / self.rate_rps, self.count))


class Constant(_Open):
    """Arrivals at even distances."""

    kind: Literal["constant"] = "constant"

    def due(self, random: np.random.Generator) -> np.ndarray:
        """Seconds from the start of the stage, ascending, one for each request."""
        return np.arange(self.count) / self.rate_rps


class Burst(_Open):
    """`size` requests at once, bursts at even distances; the rate is that of single requests."""

    kind: Literal["burst"] = "burst"
    size: PositiveInt

    def due(self, random: np.random.Generator) -> np.ndarray:
        """Seconds from the start of the stage, ascending, one for each request."""
        return (np.arange(self.count) // self.size) * (self.size / self.rate_rps)


class Replay(_Load):
    """Arrivals as they were: a file with a number of seconds on each line, from any zero."""

    kind: Literal["replay"] = "replay"
    schedule: Path
    speed: PositiveFloat = 1.0

    def due(self, random: np.random.Generator) -> np.ndarray:
        """Seconds from the first arrival, ascending, one for each line.

        Raises:
            SpecError: The file cannot be read, is empty, or holds something else.
        """
        try:
            lines = self.schedule.read_text(encoding="utf-8").split()
            moments = np.sort(np.array([float(line) for line in lines]))
        except (OSError, ValueError) as error:
            raise SpecError(f"load.schedule: {self.schedule}: {error}") from None
        if not len(moments) or not np.isfinite(moments).all():
            raise SpecError(f"load.schedule: {self.schedule}: one number of seconds on each line")
        return np.asarray((moments - moments[0]) / self.speed)

    @property
    def count(self) -> int:
        return len(self.due(np.random.default_rng(0)))

    @property
    def rate_rps(self) -> float:
        """Mean over the schedule."""
        due = self.due(np.random.default_rng(0))
        return float((len(due) - 1) / due[-1]) if due[-1] > 0 else float(len(due))

    @property
    def users(self) -> None:
        return None


class Closed(_Load):
    """`users` who each wait for an answer, think, and ask again, until all requests are sent.

    Attributes:
        users: At the same time.
        requests: Of all users together.
        think_s: Mean of the exponential time between an answer and the next question; 0 is none.
    """

    kind: Literal["closed"] = "closed"
    users: PositiveInt
    requests: PositiveInt
    think_s: NonNegativeFloat = 0.0

    @property
    def count(self) -> int:
        return self.requests

    @property
    def rate_rps(self) -> None:
        return None


Load = Annotated[Poisson | Constant | Burst | Replay | Closed, Field(discriminator="kind")]
OpenLoad = Poisson | Constant | Burst | Replay
