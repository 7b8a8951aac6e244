"""What an experiment routes: the part of its file that the service reads. Pure: the workbench reads it too.

A definition is frozen when its experiment starts. Its hash is that of its canonical JSON, so that two files
which mean the same are the same version, and any other change is a new one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, StringConstraints, model_validator

PREFIX = "experiment/"
"""A model of this prefix is an experiment."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$")]
Share = Annotated[float, Field(gt=0, le=1)]
Unit = Literal["user", "session", "key", "request"]

PARAMETERS = frozenset(
    {
        "frequency_penalty",
        "max_tokens",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "temperature",
        "top_p",
    }
)
"""What an arm may set, by the names of OpenAI's chat completions. It takes the place of the caller's own."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Arm(_Part):
    """One way to answer."""

    name: Name
    model: str = Field(min_length=1)
    """A model of the gateway's; or the ARN of a Bedrock Managed Prompt, which has a model."""
    weight: PositiveFloat = 1.0
    """Units of this arm, in proportion to those of the others."""
    parameters: dict[str, Any] = {}
    """Of chat completions; they take the place of the caller's own."""
    system: str | None = None
    """A system text that stands before the caller's messages."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := sorted(self.parameters.keys() - PARAMETERS):
            known = ", ".join(sorted(PARAMETERS))
            raise ValueError(f"an arm cannot set {', '.join(unknown)}; it can set {known}")
        if self.model.startswith(PREFIX):
            raise ValueError("an arm cannot be an experiment")
        return self


class Audience(_Part):
    """Whose calls are in the experiment; where a list is empty, everybody's are."""

    users: tuple[str, ...] = ()
    """Ids of users, as LiteLLM knows them."""
    teams: tuple[str, ...] = ()
    """Ids of teams, as LiteLLM knows them."""


class Definition(_Part):
    """Arms, who gets which, and how many take part."""

    name: Name
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=10)
    """The first is the control: it serves whoever does not take part."""
    unit: Unit = "user"
    """What stays with its arm: the end user that a call names, else the key's user; a conversation of the
    gateway's; a key; or nothing, where each call is assigned anew."""
    mode: Literal["split", "shadow"] = "split"
    """`split`: a unit is answered by its arm. `shadow`: the control answers, and the other arms are called
    beside it, for nobody but the record."""
    layer: Name = "default"
    """Experiments of one layer never share a unit; those of different layers are independent."""
    ramp: tuple[Share, ...] = Field((1.0,), min_length=1)
    """Shares of the layer's units that take part, step by step, ascending. The last is kept free for it."""
    audience: Audience = Audience()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name")
        if list(self.ramp) != sorted(set(self.ramp)):
            raise ValueError("the steps of a ramp ascend")
        if self.mode == "shadow" and len(self.arms) > 2:
            raise ValueError("in shadow mode there is one arm beside the control")
        return self

    @property
    def control(self) -> Arm:
        return self.arms[0]

    def weights(self) -> dict[str, float]:
        """The share that each arm has of the units that take part."""
        total = sum(arm.weight for arm in self.arms)
        return {arm.name: arm.weight / total for arm in self.arms}

    @property
    def model(self) -> str:
        """What a caller names to take part."""
        return PREFIX + self.name


def digest(document: Any) -> str:
    """SHA-256 of a JSON document, whatever the order of its members, as 64 hexadecimal digits."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
