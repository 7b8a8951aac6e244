"""What an experiment measures, and what is to come out of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

Kind = Literal["mean", "ratio", "proportion", "quantile"]
Goal = Literal["lower", "higher"]


class Part(BaseModel):
    """Of an experiment's file: closed, frozen, each field with a docstring."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Metric(Part):
    """A figure of each arm.

    Means and proportions are over calls; where the unit has several calls they are analysed as ratios of two
    sums per unit (delta method), so that the calls of one user do not count as independent.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind
    value: str
    """Column of the outcomes (`gateway_lib.experiments.columns`), or `feedback.<name>`."""
    per: str | None = None
    """Of a ratio: the column it is divided by."""
    q: float | None = Field(None, gt=0, lt=1)
    """Of a quantile: which."""
    goal: Goal
    unit: str = ""
    """As it is written behind a number: ms, $, %."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "ratio") != (self.per is not None):
            raise ValueError("`per` belongs to a ratio, and a ratio needs it")
        if (self.kind == "quantile") != (self.q is not None):
            raise ValueError("`q` belongs to a quantile, and a quantile needs it")
        return self


BUILT_IN: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="cost", kind="mean", value="cost_usd", goal="lower", unit="$"),
        Metric(name="latency", kind="mean", value="latency_ms", goal="lower", unit="ms"),
        Metric(
            name="latency_p50", kind="quantile", value="latency_ms", q=0.5, goal="lower", unit="ms"
        ),
        Metric(
            name="latency_p95", kind="quantile", value="latency_ms", q=0.95, goal="lower", unit="ms"
        ),
        Metric(name="ttft", kind="mean", value="ttft_ms", goal="lower", unit="ms"),
        Metric(name="ttft_p95", kind="quantile", value="ttft_ms", q=0.95, goal="lower", unit="ms"),
        Metric(name="input_tokens", kind="mean", value="input_tokens", goal="lower"),
        Metric(name="output_tokens", kind="mean", value="output_tokens", goal="lower"),
        Metric(
            name="cost_per_1k_tokens",
            kind="ratio",
            value="cost_usd",
            per="output_ktokens",
            goal="lower",
            unit="$",
        ),
        Metric(name="errors", kind="proportion", value="failed", goal="lower", unit="%"),
        Metric(name="fallbacks", kind="proportion", value="fell_back", goal="lower", unit="%"),
    )
}


class Primary(Part):
    """The one metric that decides."""

    metric: str
    mde: PositiveFloat
    """Minimum detectable effect: the smallest relative change worth knowing of, 0.1 for 10 %."""
    baseline: float | None = None
    """What the control is expected to have, for the plan before any traffic."""
    deviation: PositiveFloat | None = None
    """Standard deviation over calls that is expected, for that plan; not for a proportion."""


class Margin(Part):
    """A metric that may become a little worse, but not by more than a margin."""

    metric: str
    margin: PositiveFloat
    """How much worse is still acceptable, in the metric's unit (0.05 of a proportion: five points), or
    relative to the control."""
    relative: bool = False
    stops: bool = False
    """Whether the experiment ends by itself once the metric is shown to be worse than that."""


class Analysis(Part):
    """How it is decided; set before there is any traffic."""

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """How often a difference that does not exist may be found."""
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """How often a difference of the MDE is to be found."""
    rule: Literal["fixed", "sequential"] = "sequential"
    """`fixed`: one look, when the planned units are there. `sequential`: as many looks as one likes."""
    units: PositiveInt | None = None
    """Units of all arms together that are planned; else what the plan says."""
    calls_per_unit: PositiveFloat = 1.0
    """Calls that a unit is expected to make."""
    icc: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Intra-class correlation that is expected between the calls of a unit."""
    correction: Literal["holm", "bh"] = "holm"
    """Over the secondary metrics: family-wise error rate (Holm), or false discovery rate (BH)."""
    pre_period_days: Annotated[float, Field(ge=0)] = 0.0
    """Days before the start from which the same units' calls of any experiment are taken as a covariate
    (CUPED); 0 for none."""
