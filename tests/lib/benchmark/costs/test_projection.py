from dataclasses import dataclass

import pytest

from gateway_lib.benchmark.costs.projection import Fixed, project, projection_table
from gateway_lib.benchmark.results.summary import summarise
from gateway_lib.errors import SettingsError
from tests.lib.benchmark.tables import COST, RIGHT, table

SUMMARY = summarise(table(6000))


def test_a_month():
    month = project(SUMMARY, 2_000_000, Fixed(300, 900, "a test"))
    for model, cost in COST.items():
        row = month.loc[model]
        assert row["models_usd"] == pytest.approx(2_000_000 * cost, rel=0.05)
        assert row["models_usd_low"] < 2_000_000 * cost < row["models_usd_high"]
        assert row["total_usd"] == row["models_usd"] + 300
        assert row["total_most_usd"] == row["models_usd"] + 900
        assert row["total_per_1k_usd"] == pytest.approx(row["total_usd"] / 2000)
        answered = 2_000_000 * RIGHT[model]
        assert row["total_per_right_usd"] == pytest.approx(row["total_usd"] / answered, rel=0.1)
    small = project(SUMMARY, 1000, Fixed(300, 300, "a test"))
    assert small.loc["small", "total_per_1k_usd"] > 300, "little traffic carries the whole gateway"


def test_failures_are_paid_for_by_those_that_were_answered():
    half = summarise(table(6000, failing=0.5))
    fine, broken = (project(s, 1000, Fixed(300, 300, "a test")) for s in (SUMMARY, half))
    ratio = broken.loc["large", "total_per_right_usd"] / fine.loc["large", "total_per_right_usd"]
    assert ratio == pytest.approx(2, rel=0.1)


def test_what_has_no_price_has_no_month():
    frame = table(60)
    frame["cost_usd"] = frame["cost_usd"].where(frame["model"] != "small")
    month = project(summarise(frame), 1000)
    assert projection_table(month).loc["models, $", "small"] == "no data"
    assert "[" in projection_table(month).loc["models, $", "large"]
    assert month.loc["large", "total_usd"] == month.loc["large", "models_usd"]


@dataclass(frozen=True)
class Estimate:
    environment: str = "test"
    usd: float = 10.0
    most_usd: float = 20.0


def test_fixed_costs_have_a_source():
    assert Fixed.of(Estimate()) == Fixed(10, 20, "estimate of the deployment test")
    for wrong in ((-1, 5, "x"), (5, 4, "x"), (1, 1, "")):
        with pytest.raises(SettingsError, match="fixed costs"):
            Fixed(*wrong)
    with pytest.raises(SettingsError, match="without requests"):
        project(SUMMARY, 0)
