"""Where each request really goes: every way to route, against failing and limited providers."""

from __future__ import annotations

import httpx
import pytest

from gateway_lib.clients import AdminClient
from gateway_lib.errors import ExperimentError
from gateway_lib.experiments import routing
from gateway_lib.experiments.routing.examples import EXAMPLES, FIRST, SECOND, THIRD, WINDOW
from gateway_lib.experiments.routing.provider import URL, Simulator
from gateway_lib.experiments.routing.shares import REFUSED

SURE = 1e-4
ALL_GO_ON = [
    "fallbacks, failing",
    "fallbacks, throttling",
    "context window, known",
    "context window, told",
    "default fallbacks",
]


@pytest.fixture(scope="module")
def found(settings, stack):
    return routing.routing_checks(settings, simulator=simulator_of(stack))


def test_every_example_is_there(found):
    assert list(found.index.unique("routing")) == [one.name for one in EXAMPLES]
    made = {one.name: one.calls * (4 if one.everywhere else 1) for one in EXAMPLES}
    assert found["calls"].groupby("routing").sum().to_dict() == made


def test_deployments_are_held_to_their_calls_a_minute(found):
    calls = found.loc["rpm", "calls"].to_dict()
    assert calls == {FIRST: 5, SECOND: 10, THIRD: 15, REFUSED: 10}


def test_spill_over_of_calls_is_shown(found):
    row = found.loc[("weights with rpm", THIRD)]
    assert found.loc[("weights with rpm", FIRST), "calls"] == 15
    assert row["calls"] == 25 and row["beyond"] == pytest.approx(21) and row["p"] < SURE


def test_deployments_are_held_to_their_tokens_a_minute(found):
    """A call has a dozen tokens or so, and those under way are not counted yet."""
    calls = found.loc["tpm", "calls"]
    assert REFUSED not in calls and 0 < calls[FIRST] <= 13
    assert found.loc[("tpm", THIRD), "beyond"] > 0


def test_weights_are_honoured(found):
    assert found.loc[("weights", THIRD), "p"] > SURE


def test_weights_are_ignored_by_usage(found):
    row = found.loc[("weights ignored", THIRD)]
    assert row["p"] < SURE and 0.3 < row["share"] < 0.7


def test_others_of_the_name_stand_in(found):
    rows = found.loc["failover"]
    assert rows.loc[FIRST, "calls"] == 0 and REFUSED not in rows.index
    assert rows.loc[SECOND, "p"] > SURE and rows["fell_back"].sum() > 0


@pytest.mark.parametrize("name", ALL_GO_ON)
def test_all_calls_go_on_to_the_fallback(found, name):
    example = next(one for one in EXAMPLES if one.name == name)
    (target,) = example.expected
    assert found.loc[name, "calls"].to_dict() == {FIRST: 0, target: example.calls}
    assert found.loc[(name, target), "fell_back"] == example.calls


def test_nothing_is_left_behind(found, settings, stack):
    with AdminClient(settings) as admin:
        listed = admin.get("/v1/model/info")["data"]
    assert not [one for one in listed if one["model_name"].startswith("routing-")]
    sizes = [one["model_info"].get("max_input_tokens") for one in listed]
    assert min(size for size in sizes if size) > WINDOW


@pytest.mark.parametrize(
    ("name", "sent"), [("context window, known", 0), ("context window, told", 6)]
)
def test_a_prompt_that_litellm_knows_to_be_too_long_is_not_sent(settings, stack, name, sent):
    before = asked_for(stack, FIRST)
    examples = [one for one in EXAMPLES if one.name == name]
    routing.routing_checks(settings, examples, simulator_of(stack))
    assert asked_for(stack, FIRST) - before == sent


def simulator_of(stack):
    return Simulator(stack.environment["GATEWAY_SIMULATOR_URL"])


def asked_for(stack, model):
    """How many requests for a model its provider has received."""
    state = httpx.get(
        f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/state", timeout=60
    ).json()
    return state["totals"].get(model, {}).get("requests", 0)


def test_without_simulated_providers_nothing_is_tried(monkeypatch, tmp_path):
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExperimentError, match=URL):
        Simulator()


def test_the_table_reads_well(found):
    table = routing.routing_table(found)
    assert table.loc[("rpm", REFUSED), "calls"] == "10"
    assert table.loc[("weights ignored", THIRD), "p"] == "< 0.0001"
    picture = routing.split_figure(found.loc["weights"], title="9 and 1")
    assert "120 calls" in picture.alt and picture.figure.axes[0].get_title(loc="left") == "9 and 1"
