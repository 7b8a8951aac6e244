"""The order of requests: drawn once from the seed, divided among shards without remainder.

Models are interleaved at random, so that a slow minute of the machine, the network or a provider hits
all of them alike: requests come in blocks in which each model gets the same prompt once, in an order of
its own; the prompts of a round come in random order, and a new round begins when all were asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gateway_lib.benchmark.plan.loads import Closed
from gateway_lib.benchmark.plan.prompts import Prompt
from gateway_lib.benchmark.plan.spec import Spec

_ARRIVALS, _ORDER, _THINKING = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Planned:
    """A request to come; `due_s` counts from the start of its stage and is null in a closed loop."""

    request: int
    due_s: float | None
    model: str
    prompt: Prompt
    repeat: int
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """One stage of a run as one shard sends it; `users` are its own of `all_users`."""

    stage: int
    rate_rps: float | None
    users: tuple[int, ...]
    all_users: int | None
    think_s: float
    requests: tuple[Planned, ...]
    seed: int

    @property
    def recorded(self) -> int:
        """Requests that will be records."""
        return sum(planned.recorded for planned in self.requests)

    def thinking(self, user: int) -> Iterator[float]:
        """Seconds that a user thinks before each question, the first included."""
        random = _generator(self.seed, self.stage, _THINKING, user)
        while True:
            yield float(random.exponential(self.think_s)) if self.think_s else 0.0


def plans(spec: Spec, shard: int = 0) -> list[Plan]:
    """The stages of a run, as shard `shard` of `spec.shards` sends them.

    Request `i` of a stage belongs to shard `i mod shards`, user `u` of a closed loop to shard
    `u mod shards`: together the shards send exactly what one process would.

    Raises:
        SpecError: Prompts or a schedule cannot be read.
    """
    prompts = spec.prompts.load(spec.seed)
    found: list[Plan] = []
    first = 0
    asked: dict[tuple[str, str], int] = {}
    for stage, load in enumerate(spec.load):
        due: list[float | None] = [None] * load.count
        if not isinstance(load, Closed):
            due = [float(s) for s in load.due(_generator(spec.seed, stage, _ARRIVALS))]
        order = _order(spec, prompts, _generator(spec.seed, stage, _ORDER))
        requests: list[Planned] = []
        for number, (moment, (model, prompt)) in enumerate(zip(due, order, strict=False)):
            recorded = number >= spec.settle
            repeat = asked.get((model, prompt.id), 0)
            if recorded:
                asked[model, prompt.id] = repeat + 1
            request = first + number
            if number % spec.shards == shard:
                requests.append(Planned(request, moment, model, prompt, repeat, recorded))
        users = range(shard, load.users or 0, spec.shards)
        think = load.think_s if isinstance(load, Closed) else 0.0
        found.append(
            Plan(
                stage=stage,
                rate_rps=load.rate_rps,
                users=tuple(users),
                all_users=load.users,
                think_s=think,
                requests=tuple(requests),
                seed=spec.seed,
            )
        )
        first += load.count
    return found


def _order(
    spec: Spec, prompts: list[Prompt], random: np.random.Generator
) -> Iterator[tuple[str, Prompt]]:
    while True:
        for index in random.permutation(len(prompts)):
            for model in random.permutation(len(spec.models)):
                yield spec.models[model], prompts[index]


def _generator(seed: int, stage: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stage, *purpose)))
