"""What a table of records is about: the story that travels in its metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway_lib.errors import RecordsUnusable

KEY = "benchmark"
"""Where the story is in `frame.attrs`."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Health(_Part):
    """How the meter itself fared, over one stage of one shard, and what that means.

    Attributes:
        shard: Which process.
        stage: Which step of the run.
        seconds: From the first request due to the last answer.
        lag_p50_ms: Median of how late the engine came to a request that was due (send lag).
        lag_p95_ms: 95th percentile of it.
        lag_p99_ms: 99th percentile.
        lag_max_ms: The worst.
        loop_lag_p95_ms: 95th percentile of how late the event loop ran a timer; this and the shares
            are null for another meter, which does not tell.
        loop_lag_p99_ms: 99th percentile.
        loop_lag_max_ms: The worst.
        cpu_share: CPU time of the process over the time that passed; 1 is a core used up.
        cpu_wait_share: Share of the time that it was ready to run and had no CPU; null where the
            system does not tell (elsewhere than on Linux).
        machine_share: CPU time all processes of the machine used over what its cores offer.
        load: Load average of one minute at the end.
        valid: Whether the figures of the stage can be trusted.
        reasons: If not, why not, each in one sentence.
    """

    shard: int
    stage: int
    seconds: float
    lag_p50_ms: float
    lag_p95_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    loop_lag_p95_ms: float | None
    loop_lag_p99_ms: float | None
    loop_lag_max_ms: float | None
    cpu_share: float | None
    cpu_wait_share: float | None
    machine_share: float | None
    load: float
    valid: bool
    reasons: tuple[str, ...] = ()


class Stage(_Part):
    """A step of the run: a load held for a while.

    Attributes:
        number: From 0.
        rate_rps: Requests per second offered; null in a closed loop.
        users: Users at the same time; null in an open loop.
        requested: Requests that were to be sent.
        achieved: Requests that were sent and ended, well or not.
        seconds: From the first request due to the last answer.
    """

    number: int
    rate_rps: float | None
    users: int | None
    requested: int
    achieved: int
    seconds: float


class Warmup(_Part):
    """Calls before the measurement; they are not among the records."""

    requests: int = 0
    errors: int = 0
    cost_usd: float = 0.0


class About(_Part):
    """The story of a table.

    Attributes:
        format: Of this story and of the columns.
        meter: Who measured.
        spec: What was asked for, whole: the same spec and seed ask the same again.
        seed: Of everything that was drawn.
        target: Base URL, without a secret.
        origin: The instant from which moments count.
        shards: Processes the load was divided among.
        parts: Which of them are in the table; all, once they are put together.
        stages: Steps of the run.
        health: Of each shard in each stage.
        warmup: What went before.
        interrupted: Whether it was stopped before its end.
    """

    format: Literal[1] = 1
    meter: Literal["gateway", "aiperf"] = "gateway"
    spec: dict[str, Any]
    seed: int
    target: str
    origin: datetime
    shards: int = 1
    parts: tuple[int, ...] = (0,)
    stages: tuple[Stage, ...]
    health: tuple[Health, ...] = ()
    warmup: Warmup = Warmup()
    interrupted: bool = False

    @property
    def requested(self) -> int:
        """Requests that were to be sent."""
        return sum(stage.requested for stage in self.stages)

    @property
    def achieved(self) -> int:
        """Requests that were sent and ended."""
        return sum(stage.achieved for stage in self.stages)

    @property
    def invalid(self) -> tuple[str, ...]:
        """Why figures cannot be trusted, by stage; empty when they can."""
        return tuple(
            f"stage {part.stage}, shard {part.shard}: {reason}"
            for part in self.health
            if not part.valid
            for reason in part.reasons
        )

    @property
    def valid(self) -> bool:
        """Whether the meter was well throughout."""
        return all(part.valid for part in self.health)


def about(frame: pd.DataFrame) -> About:
    """The story of a table.

    Raises:
        RecordsUnusable: It has none, or one this version does not know.
    """
    try:
        return About.model_validate(frame.attrs.get(KEY))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or KEY
        raise RecordsUnusable(f"not the records of a benchmark: {place}: {first['msg']}") from None


def attrs(story: About) -> dict[str, Any]:
    """The story as `frame.attrs` holds it."""
    return {KEY: story.model_dump(mode="json")}
