"""The truth about one simulated model.

A benchmark, an experiment or a cost report that runs against the simulator can be checked, because
the distributions it tries to estimate are written here in full. Latencies are in milliseconds,
prices in dollars per million tokens, rates and accuracies are probabilities.
"""

import math
from random import Random
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Modality = Literal["image", "document", "video", "audio"]

_Z95 = 1.6448536269514722


class Strict(BaseModel):
    """Base of everything read from YAML or the control API: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Distribution(Strict):
    """A constant, or a log-normal given by its median and 95th percentile, optionally clipped.

    For the log-normal, ``mu = ln(median)`` and ``sigma = ln(p95 / median) / 1.645``.
    """

    constant: NonNegativeFloat | None = None
    median: PositiveFloat | None = None
    p95: PositiveFloat | None = None
    min: NonNegativeFloat = 0
    max: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.constant is not None:
            if self.median is not None or self.p95 is not None:
                raise ValueError("give either constant, or median and p95")
        elif self.median is None or self.p95 is None:
            raise ValueError("give either constant, or median and p95")
        elif self.p95 < self.median:
            raise ValueError("p95 must not be below the median")
        if self.max is not None and self.max < self.min:
            raise ValueError("max must not be below min")
        return self

    def draw(self, random: Random) -> float:
        """Return one value."""
        if self.constant is not None:
            value = self.constant
        elif self.median is not None and self.p95 is not None:
            sigma = math.log(self.p95 / self.median) / _Z95
            value = self.median * math.exp(sigma * random.gauss(0.0, 1.0))
        value = max(value, self.min)
        return value if self.max is None else min(value, self.max)


class Price(Strict):
    """Dollars per million tokens."""

    input: NonNegativeFloat
    output: NonNegativeFloat = 0


class Accuracy(Strict):
    """Probability of a right answer, by question id where it differs from the default."""

    default: Probability = 0.8
    overrides: dict[str, Probability] = Field(default_factory=dict)

    def of(self, question_id: str) -> float:
        """Probability that this question is answered right."""
        return self.overrides.get(question_id, self.default)


class Profile(Strict):
    """A model as its provider serves it."""

    wire: Literal["openai", "bedrock"]
    kind: Literal["chat", "embedding"] = "chat"
    price: Price
    ttft_ms: Distribution
    itl_ms: Distribution = Distribution(constant=0)
    output_tokens: Distribution = Distribution(median=60, p95=110, min=30, max=120)
    error_rate: Probability = 0
    throttle_rate: Probability = 0
    cut_rate: Probability = 0
    accuracy: Accuracy = Accuracy()
    context_window: int = Field(gt=0)
    max_output: int = Field(default=4096, gt=0)
    modalities: frozenset[Modality] = frozenset()
    reasoning: bool = False
    cache_min_tokens: int | None = Field(default=None, gt=0)
    invoke_body: Literal["anthropic", "titan_embedding"] | None = None
    dimensions: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if (self.kind == "embedding") != bool(self.dimensions):
            raise ValueError("dimensions belong to embedding models, and to all of them")
        if self.invoke_body == "titan_embedding" and self.kind != "embedding":
            raise ValueError("invoke_body titan_embedding belongs to embedding models")
        if self.invoke_body is not None and self.wire != "bedrock":
            raise ValueError("invoke_body belongs to the bedrock wire")
        return self

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars for a request at list price, without cache discounts."""
        return (input_tokens * self.price.input + output_tokens * self.price.output) / 1e6
