"""What is to be measured, whole: a YAML file in `config/benchmarks`, or the parameters of a notebook.

A spec and its seed determine every request: which prompt goes to which model, in which order, due
when. Two runs of one spec differ only in what the gateway made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from gateway_lib.benchmark.plan.loads import Load
from gateway_lib.benchmark.plan.prompts import Prompts
from gateway_lib.benchmark.plan.slo import Slo
from gateway_lib.errors import SpecError
from gateway_lib.settings import PROJECT_ROOT

SPECS = PROJECT_ROOT / "config" / "benchmarks"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Part):
    """From where on the meter is taken for overloaded, and its figures for the client's own.

    Attributes:
        for_ttft_ms: The limits of lag are meant for a median time to first token up to this; where it
            is longer they grow in proportion, since the client's share of it is as small.
        lag_p50_ms: Median of how late the engine came to a request that was due.
        lag_p95_ms: 95th percentile of it.
        lag_p99_ms: 99th percentile of it.
        loop_lag_p95_ms: 95th percentile of how late the event loop ran a timer.
        cpu_share: CPU time of the meter over the time that passed.
        cpu_wait_share: Time that the meter was ready to run and had no CPU.
    """

    for_ttft_ms: PositiveFloat = 100.0
    lag_p50_ms: PositiveFloat = 1.0
    lag_p95_ms: PositiveFloat = 5.0
    lag_p99_ms: PositiveFloat = 20.0
    loop_lag_p95_ms: PositiveFloat = 5.0
    cpu_share: PositiveFloat = 0.85
    cpu_wait_share: PositiveFloat = 0.15


class Spec(_Part):
    """A benchmark.

    Attributes:
        models: Names as the gateway knows them.
        prompts: What is asked.
        load: Steps of the run, one after the other; a single one needs no list.
        interface: Through which of the gateway's interfaces.
        stream: Whether answers are streamed.
        history: Whether the gateway keeps each request in a conversation.
        turns: Turns of a conversation, with history and in a closed loop; then a new one begins.
        cache: `bypass` the gateway's response cache, or `use` it where it is the subject.
        target: `gateway`, or `provider`: a server that knows nothing of history and caches,
            measured directly to see what the gateway adds.
        max_tokens: Upper limit of each answer, where the prompt has none of its own.
        temperature: Sent if given.
        warmups: Calls to each model before the first step, not recorded.
        settle: Requests at the beginning of each step that are sent and not recorded.
        pause_s: Seconds of rest between steps.
        connections: Requests under way at the same time, at most, of each shard; a request that
            is due when there are so many waits, and its wait is latency. Any number if not given.
        timeout_s: Seconds after which a request has failed.
        slo: Objectives for goodput.
        shards: Processes to divide the load among.
        keep_answers: Whether the text of answers is recorded, and not their hash alone.
        limits: What the meter may suffer.
        seed: Of everything that is drawn.
    """

    models: tuple[str, ...] = Field(min_length=1)
    prompts: Prompts = Prompts(questions="general")
    load: tuple[Load, ...] = Field(min_length=1)
    interface: Literal["openai", "bedrock"] = "openai"
    stream: bool = True
    history: bool = False
    turns: PositiveInt = 1
    cache: Literal["bypass", "use"] = "bypass"
    target: Literal["gateway", "provider"] = "gateway"
    max_tokens: PositiveInt = 128
    temperature: NonNegativeFloat | None = None
    warmups: NonNegativeInt = 1
    settle: NonNegativeInt = 0
    pause_s: NonNegativeFloat = 1.0
    connections: PositiveInt | None = None
    timeout_s: PositiveFloat = 60.0
    slo: Slo | None = None
    shards: PositiveInt = 1
    keep_answers: bool = True
    limits: Limits = Limits()
    seed: NonNegativeInt = 0

    @field_validator("load", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return [value] if isinstance(value, Mapping | BaseModel) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.models)) != len(self.models):
            raise ValueError("models: one occurs twice")
        if self.history and self.target == "provider":
            raise ValueError("history is the gateway's: a provider keeps none")
        if self.turns > 1 and not (self.history and all(load.users for load in self.load)):
            raise ValueError("turns: only with history, and in a closed loop")
        small = [load for load in self.load if load.users and load.users < self.shards]
        if small:
            raise ValueError(f"shards: {self.shards} processes for {small[0].users} users")
        return self

    def with_(self, **changes: Any) -> Spec:
        """A copy with some fields changed, checked anew.

        Raises:
            SpecError: The outcome cannot be measured.
        """
        return spec_of({**self.model_dump(), **changes})


def spec_of(document: Any, where: str = "spec") -> Spec:
    """A spec from plain data.

    Raises:
        SpecError: Names the first thing that is wrong.
    """
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise SpecError(f"{where}: {f'{place}: ' if place else ''}{told}") from None


def load_spec(name: str | Path) -> Spec:
    """A spec from a YAML file: a path, or the name of one in `config/benchmarks`.

    Raises:
        SpecError: There is no such file, or it is not a spec.
    """
    path = Path(name)
    if not path.suffix:
        path = SPECS / f"{name}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        there = ", ".join(sorted(found.stem for found in SPECS.glob("*.yaml")))
        raise SpecError(
            f"{path}: {error.strerror}; config/benchmarks has {there or 'none'}"
        ) from None
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: {' '.join(str(error).split())}") from None
    return spec_of(document, path.name)
