"""Service level objectives, and goodput: what is served well enough to count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

if TYPE_CHECKING:
    from gateway_lib.benchmark.results.intervals import Estimate

LIMITS = ("ttft_ms", "itl_ms", "tpot_ms", "total_ms")


class Slo(BaseModel):
    """What a request has to keep to be good, and how many have to.

    Attributes:
        ttft_ms: Longest time to the first token, from when the request was due.
        itl_ms: Largest mean gap between chunks of one answer.
        tpot_ms: Longest time per output token.
        total_ms: Longest time to the end of the answer.
        share: Share of requests that have to keep all of these; a failed one keeps none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ttft_ms: PositiveFloat | None = None
    itl_ms: PositiveFloat | None = None
    tpot_ms: PositiveFloat | None = None
    total_ms: PositiveFloat | None = None
    share: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not self.limits:
            raise ValueError(f"give at least one of {', '.join(LIMITS)}")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """Limits that are set, by column of the records."""
        given = {name: getattr(self, name) for name in LIMITS}
        return {name: limit for name, limit in given.items() if limit is not None}

    def kept(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each request kept the objectives, one boolean per row.

        A time that does not exist is kept where the answer was too short to have it (one token
        has no gap), and not where the request failed.
        """
        good: np.ndarray = frame["ok"].to_numpy(dtype=bool).copy()
        for name, limit in self.limits.items():
            values = frame[name].to_numpy(dtype=float)
            good &= ~(values > limit)
        return good


@dataclass(frozen=True, slots=True)
class Goodput:
    """Share of requests that kept the objectives, with Wilson's interval; and per second."""

    share: Estimate
    rps: float
    seconds: float

    def meets(self, slo: Slo) -> bool | None:
        """Whether the objectives are met; None while the interval holds both answers."""
        low, high = self.share.low, self.share.high
        if low is None or high is None or low <= slo.share <= high:
            return None
        return low > slo.share


def goodput(frame: pd.DataFrame, slo: Slo) -> Goodput:
    """Goodput of some records, of one stage and shard or of many.

    The rate is over the time from the first request due to the last answer.

    Raises:
        ValueError: There are no records.
    """
    from gateway_lib.benchmark.results.intervals import proportion_interval

    kept = int(slo.kept(frame).sum())
    seconds = float(frame["done_s"].max() - frame["scheduled_s"].min())
    share = proportion_interval(kept, len(frame))
    return Goodput(share, kept / seconds if seconds > 0 else 0.0, seconds)
