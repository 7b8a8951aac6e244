"""Measuring models through the gateway: latency, tokens, cost and right answers.

In a notebook::

    from gateway_lib import benchmark

    asked = benchmark.questions("general", n=12, seed=1)
    frame = await benchmark.measure(["gpt-4o-mini"], asked, seed=1)
    benchmark.table(benchmark.summarise(frame))
"""

from gateway_lib.benchmark.call import Call, measured_call, response_cost, stream_cost
from gateway_lib.benchmark.figures import (
    cost_alt,
    cost_and_accuracy,
    latency_alt,
    latency_distribution,
)
from gateway_lib.benchmark.measure import measure, questions
from gateway_lib.benchmark.summary import headline, summarise, table

__all__ = [
    "Call",
    "cost_alt",
    "cost_and_accuracy",
    "headline",
    "latency_alt",
    "latency_distribution",
    "measure",
    "measured_call",
    "questions",
    "response_cost",
    "stream_cost",
    "summarise",
    "table",
]
