"""Two deployments of one name with weights 9 and 1, made while the gateway runs: who answers."""

from __future__ import annotations

import pytest
from scipy import stats

from gateway_lib.clients import AdminClient
from gateway_lib.errors import ExperimentRefused, GatewayUnreachable
from gateway_lib.experiments import routing
from gateway_lib.experiments.routing import Deployment
from gateway_lib.experiments.routing.examples import FIRST, THIRD
from gateway_lib.experiments.routing.provider import Simulator
from gateway_lib.settings import Settings

from ..callers import STREAMED
from .minutes import within_a_minute

WEIGHTED = (Deployment(FIRST, 9), Deployment(THIRD, 1))
CELLS = pytest.mark.parametrize("interface", ["openai", "bedrock"])


def split(settings: Settings, name: str, calls: int, interface: str, streamed: bool):
    with routing.deployed(name, WEIGHTED, settings) as made:
        served = routing.count(
            name, calls, interface=interface, streamed=streamed, settings=settings
        )
    assert set(served["status"]) == {200}
    assert set(served["deployment"]) == set(made)
    return routing.shares(served, routing.names_of(made), {FIRST: 9, THIRD: 1})


@CELLS
@STREAMED
def test_one_call_in_ten_goes_to_the_tenth(settings, simulator, name, interface, streamed):
    found = split(settings, name, 300, interface, streamed)
    assert found.loc[THIRD, "p"] > 1e-4, found


@pytest.mark.faults
@CELLS
@STREAMED
def test_one_call_in_ten_of_two_thousand(settings, simulator, name, interface, streamed):
    found = split(settings, name, 2000, interface, streamed)
    assert found.loc[THIRD, "p"] > 1e-4, found
    assert stats.binomtest(int(found.loc[THIRD, "calls"]), 2000, 0.5).pvalue < 1e-50
    print(found)


def test_nothing_is_left(settings, name, listed):
    with routing.deployed(name, WEIGHTED, settings):
        assert listed(name) == 2
    assert listed(name) == 0


def test_nothing_is_left_of_an_experiment_that_breaks_off(settings, name, listed):
    with (
        pytest.raises(ZeroDivisionError),
        routing.deployed(name, WEIGHTED, settings),
    ):
        raise ZeroDivisionError
    assert listed(name) == 0


def test_nothing_is_left_of_half_a_beginning(settings, name, listed):
    broken = Deployment(THIRD, params={"rpm": "many"})
    with pytest.raises(GatewayUnreachable, match="/model/new"):
        routing.create(name, [Deployment(FIRST), broken], settings)
    assert listed(name) == 0


def test_what_a_process_left_is_removed_by_name(settings, name, listed):
    routing.create(name, WEIGHTED, settings)
    with AdminClient(settings) as admin:
        foreign = admin.post(
            "/model/new", model_name=name, litellm_params={"model": "openai/gpt-4o"}
        )
        assert routing.remove(name, settings) == 2
        assert listed(name) == 1  # somebody else's
        admin.post("/model/delete", id=foreign["model_id"])


@pytest.mark.parametrize(
    ("taken", "deployment", "why"),
    [
        ("gpt-4o", Deployment(FIRST), "has a model gpt-4o already"),
        ("", Deployment("no-such-model"), "has no model no-such-model"),
    ],
)
def test_what_cannot_be_made_is_refused(settings, name, taken, deployment, why):
    with pytest.raises(ExperimentRefused, match=why):
        routing.create(taken or name, [deployment], settings)


def test_no_key_of_a_provider_is_sent_or_told(settings, name):
    with routing.deployed(name, WEIGHTED, settings), AdminClient(settings) as admin:
        told = [one for one in admin.get("/v1/model/info")["data"] if one["model_name"] == name]
        assert len(told) == 2 and "simulated" not in str(told)


def test_spill_over_at_a_limit_is_reported(settings, simulator: Simulator, name):
    limited = (Deployment(FIRST, 9, rpm=20), Deployment(THIRD, 1))
    with routing.deployed(name, limited, settings) as made:
        within_a_minute(20)
        served = routing.count(name, 60, settings=settings)
    found = routing.shares(served, routing.names_of(made), {FIRST: 9, THIRD: 1})
    assert found.loc[FIRST, "calls"] == 20 and found.loc[THIRD, "calls"] == 40
    assert found.loc[THIRD, "beyond"] == pytest.approx(34) and found.loc[THIRD, "p"] < 1e-9
