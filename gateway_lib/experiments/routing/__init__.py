"""Routing by LiteLLM itself: weighted deployments, limits, failover and fallbacks, and who answered.

In a notebook::

    from gateway_lib.experiments import routing

    with routing.deployed("ab", [routing.Deployment("gpt-4o", 9), routing.Deployment("gpt-4.1", 1)]) as made:
        served = routing.count("ab", 200)
    split = routing.shares(served, routing.names_of(made), {"gpt-4o": 9, "gpt-4.1": 1})
    run.picture(routing.split_figure(split, title="9 and 1"))
    routing.routing_table(routing.routing_checks())
"""

from __future__ import annotations

from gateway_lib.experiments.routing.calls import count
from gateway_lib.experiments.routing.checks import routing_checks
from gateway_lib.experiments.routing.deployments import (
    Deployment,
    create,
    deployed,
    names_of,
    remove,
    wait_until_served,
)
from gateway_lib.experiments.routing.figure import routing_table, split_figure
from gateway_lib.experiments.routing.provider import is_simulated
from gateway_lib.experiments.routing.shares import shares

__all__ = [
    "Deployment",
    "count",
    "create",
    "deployed",
    "is_simulated",
    "names_of",
    "remove",
    "routing_checks",
    "routing_table",
    "shares",
    "split_figure",
    "wait_until_served",
]
