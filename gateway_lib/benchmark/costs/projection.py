"""What a month of traffic costs: the models by what was measured, and AWS by its estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from gateway_lib.benchmark.results.intervals import Estimate
from gateway_lib.benchmark.results.summary import estimate_of
from gateway_lib.errors import SettingsError
from gateway_lib.plots import short_names


class MonthEstimate(Protocol):
    """The estimate of a deployment for a month, in US dollars, at rest and at most."""

    @property
    def environment(self) -> str: ...
    @property
    def usd(self) -> float: ...
    @property
    def most_usd(self) -> float: ...


@dataclass(frozen=True)
class Fixed:
    """What is paid whatever is asked, in US dollars per month, and who says so.

    Attributes:
        usd: At rest.
        most_usd: With everything scaled out for the whole month.
        source: Where the numbers come from.
    """

    usd: float
    most_usd: float
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.usd <= self.most_usd or not self.source:
            raise SettingsError(
                "fixed costs: at rest from 0, at most not less than at rest, and a source"
            )

    @classmethod
    def of(cls, estimate: MonthEstimate) -> Fixed:
        """From the estimate of a deployment."""
        source = f"estimate of the deployment {estimate.environment}"
        return cls(estimate.usd, estimate.most_usd, source)


def project(summary: pd.DataFrame, requests: float, fixed: Fixed | None = None) -> pd.DataFrame:
    """A month of so many requests, all to one model, for each of the models.

    The requests are taken to be like those of the benchmark: as long, and as often answered from caches.

    Args:
        summary: One row per model.
        requests: In the month; requests that fail are among them.
        fixed: Of the gateway itself. Without it the totals are those of the models alone.

    Returns:
        Indexed by model, in US dollars: `models_usd` with `_low` and `_high` of its 95 % interval (of the
        measurement alone; prices change and traffic differs, which no interval knows of), `fixed_usd` and
        `fixed_most_usd`, `total_usd` and `total_most_usd`, `total_per_1k_usd`, `total_per_right_usd`.

    Raises:
        SettingsError: There are no requests.
    """
    if not requests > 0:
        raise SettingsError("a month without requests has no cost per request")
    rows = {}
    for model, row in summary.iterrows():
        cost = estimate_of(row, "cost_per_1k_usd")
        right = estimate_of(row, "accuracy_pct")
        rows[str(model)] = _row(cost, right, float(row["error_pct"]), requests, fixed)
    return pd.DataFrame.from_dict(rows, orient="index").astype(float)


def _row(
    cost: Estimate | None,
    right: Estimate | None,
    errors_pct: float,
    requests: float,
    fixed: Fixed | None,
) -> dict[str, float | None]:
    base = fixed or Fixed(0.0, 0.0, "none")
    if cost is None:
        return {"fixed_usd": base.usd, "fixed_most_usd": base.most_usd}
    thousands = requests / 1000
    models = cost.value * thousands
    answered = requests * (1 - errors_pct / 100) * (right.value / 100 if right else 0.0)
    return {
        "models_usd": models,
        "models_usd_low": None if cost.low is None else cost.low * thousands,
        "models_usd_high": None if cost.high is None else cost.high * thousands,
        "fixed_usd": base.usd,
        "fixed_most_usd": base.most_usd,
        "total_usd": models + base.usd,
        "total_most_usd": models + base.most_usd,
        "total_per_1k_usd": (models + base.usd) / thousands,
        "total_per_right_usd": (models + base.usd) / answered if answered else None,
    }


def projection_table(projected: pd.DataFrame) -> pd.DataFrame:
    """The projection to read: a row per figure, a column per model, dollars with their interval."""
    readable = pd.DataFrame(index=projected.index)
    bounds = projected[["models_usd", "models_usd_low", "models_usd_high"]]
    readable["models, $"] = [_money(*values) for values in bounds.itertuples(index=False)]
    for name, label, form in (
        ("fixed_usd", "fixed at rest, $", ",.0f"),
        ("fixed_most_usd", "fixed at most, $", ",.0f"),
        ("total_usd", "month at rest, $", ",.0f"),
        ("total_most_usd", "month at most, $", ",.0f"),
        ("total_per_1k_usd", "$ per 1,000 requests", ",.3f"),
        ("total_per_right_usd", "$ per right answer", ",.6f"),
    ):
        column = projected.get(name, pd.Series(float("nan"), index=projected.index))
        readable[label] = [_money(value, form=form) for value in column]
    return readable.rename(index=short_names(list(map(str, readable.index)))).T


def _money(
    value: float, low: float = float("nan"), high: float = float("nan"), form: str = ",.2f"
) -> str:
    if pd.isna(value):
        return "no data"
    return f"{value:{form}}" + ("" if pd.isna(low) else f" [{low:{form}}, {high:{form}}]")
