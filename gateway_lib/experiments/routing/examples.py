"""The ways to route that LiteLLM's configuration has, each with what it is to do.

They are those of the guide that the gateway follows: weights, several deployments of a name, limits of
deployments, and the three kinds of fallbacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_lib.experiments.routing.deployments import Deployment
from gateway_lib.experiments.routing.shares import REFUSED

FIRST, SECOND, THIRD = "gpt-4.1", "gpt-4.1-mini", "amazon.nova-pro-v1:0"
MODELS = (FIRST, SECOND, THIRD)
"""Models of the default configuration that answer in the examples."""
WINDOW = 100
"""Tokens of a context window that `LONG` does not fit into."""
LONG = "one two three four five six seven eight nine ten " * 20


@dataclass(frozen=True, slots=True)
class Example:
    """One way to route.

    Attributes:
        name: As the rows are called.
        says: What is configured, and what the providers do.
        deployments: Of the name that is called; examples with the same share the name.
        expected: By model, or `refused`, what part of the calls it is to answer, in any unit.
        calls: How many are made, of each kind.
        router: LiteLLM's router settings; `$own` stands for the name that is called.
        faults: Of the simulated providers.
        window: Model that the provider gives a context window of so many tokens.
        text: What is said.
        minute: Whether it counts by the calendar minute, and has to fit into one.
        everywhere: Whether it is called on both interfaces, plain and streamed, not on one alone.
    """

    name: str
    says: str
    deployments: tuple[Deployment, ...]
    expected: Mapping[str, float]
    calls: int = 30
    router: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    window: Mapping[str, int] = field(default_factory=dict)
    text: str = "ping"
    minute: bool = False
    everywhere: bool = False


_WEIGHTED = (Deployment(FIRST, 9), Deployment(THIRD, 1))
_ALONE = (Deployment(FIRST),)
# LiteLLM keeps what a deployment's `model_info` says for its model, whoever else has it, until it is started
# anew; so the small one is a model of its own, which no provider has and which is never called
_SMALL = Deployment(FIRST, params={"model": "openai/too-small"}, info={"max_input_tokens": WINDOW})
_NINE_TO_ONE = {FIRST: 9.0, THIRD: 1.0}
_DOWN = {"match": FIRST, "kind": "status", "status": 500}
_BUSY = {"match": FIRST, "kind": "status", "status": 429, "retry_after": 1}

EXAMPLES: tuple[Example, ...] = (
    Example(
        "rpm",
        "three deployments of 5, 10 and 15 calls a minute",
        (Deployment(FIRST, rpm=5), Deployment(SECOND, rpm=10), Deployment(THIRD, rpm=15)),
        {FIRST: 5, SECOND: 10, THIRD: 15, REFUSED: 10},
        calls=40,
        minute=True,
    ),
    Example(
        "weights with rpm",
        "9 and 1, and the first has 15 calls a minute: the others spill over",
        (Deployment(FIRST, 9, rpm=15), Deployment(THIRD, 1)),
        _NINE_TO_ONE,
        calls=40,
        minute=True,
    ),
    Example(
        "tpm",
        "equal weights, and the first has 100 tokens a minute: the others spill over",
        (Deployment(FIRST, 1, tpm=100), Deployment(THIRD, 1)),
        {FIRST: 1, THIRD: 1},
        calls=30,
        minute=True,
    ),
    Example("weights", "9 and 1", _WEIGHTED, _NINE_TO_ONE, calls=30, everywhere=True),
    Example(
        "weights ignored",
        "the same under usage-based-routing-v2",
        _WEIGHTED,
        _NINE_TO_ONE,
        calls=40,
        router={"routing_strategy": "usage-based-routing-v2"},
    ),
    Example(
        "failover",
        "three deployments, the first answers 500",
        (Deployment(FIRST), Deployment(SECOND), Deployment(THIRD)),
        {SECOND: 1, THIRD: 1},
        calls=30,
        faults=[_DOWN],
    ),
    Example(
        "fallbacks, failing",
        f"the model answers 500 and falls back to {SECOND}",
        _ALONE,
        {SECOND: 1},
        calls=6,
        router={"fallbacks": [{"$own": [SECOND]}]},
        faults=[_DOWN],
    ),
    Example(
        "fallbacks, throttling",
        f"the model answers 429 and falls back to {SECOND}",
        _ALONE,
        {SECOND: 1},
        calls=6,
        router={"fallbacks": [{"$own": [SECOND]}]},
        faults=[_BUSY],
    ),
    Example(
        "context window, known",
        f"LiteLLM knows that the prompt is too long: {THIRD} is called instead",
        (_SMALL,),
        {THIRD: 1},
        calls=6,
        router={"context_window_fallbacks": [{"$own": [THIRD]}]},
        text=LONG,
    ),
    Example(
        "context window, told",
        f"the provider says that the prompt is too long: {THIRD} is called then",
        _ALONE,
        {THIRD: 1},
        calls=6,
        router={"context_window_fallbacks": [{"$own": [THIRD]}]},
        window={FIRST: WINDOW},
        text=LONG,
    ),
    Example(
        "default fallbacks",
        f"the model has none of its own and answers 500: {THIRD} stands in for any",
        _ALONE,
        {THIRD: 1},
        calls=6,
        router={"fallbacks": [{"*": [THIRD]}]},
        faults=[_DOWN],
    ),
)
