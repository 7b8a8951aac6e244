"""What somebody may have: models, budget, limits, teams, and a place in the queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from middleware.identity import duration, names

Duration = Annotated[str, AfterValidator(duration.valid)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
PerModel = dict[str, Count]

NO_MODELS = "no-default-models"
"""LiteLLM's name for none at all; its empty list of models means all of them."""
ALL_MODELS = frozenset(("all-proxy-models", "all-team-models"))
"""LiteLLM's names for everything that the user, or the key's team, may call."""
LIMITS = ("rpm_limit", "tpm_limit", "max_parallel_requests")
PER_MODEL = ("model_rpm_limit", "model_tpm_limit")


class Grant(BaseModel):
    """The most that somebody may have; None is no limit.

    A budget is the pair of its dollars and the time after which they are there anew; without a duration they
    are for good.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[str, ...] | None = None
    """Names, of which `*` stands for any part; None for whatever the gateway serves, empty for none."""
    max_budget: Dollars | None = None
    budget_duration: Duration | None = None
    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_parallel_requests: Count | None = None
    model_rpm_limit: PerModel = Field(default_factory=dict)
    model_tpm_limit: PerModel = Field(default_factory=dict)
    teams: tuple[str, ...] = ()
    """Ids of the teams that a user of this grant is made a member of."""
    key_lifetime: Duration | None = None
    max_keys: Count | None = None
    """Keys that the user may have at once."""
    admin: bool = False
    """Whether the user administers the gateway, which makes all other limits words."""
    priority: Annotated[int, Field(ge=0, le=9999)] | None = None
    """The best place in the admission queue that the user's calls may ask for; the lower the earlier."""

    @model_validator(mode="before")
    @classmethod
    def _models(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("models") == "all":
            return {**given, "models": None}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Grant:
        if self.budget_duration and self.max_budget is None:
            raise ValueError(
                "budget_duration says how often max_budget is renewed, and there is none"
            )
        return self

    def allows(self, model: str) -> bool:
        """Whether a model, or a name with `*` in it, is within the grant."""
        return self.models is None or any(names.covers(own, model) for own in self.models)

    def meet(self, other: Grant) -> Grant:
        """What both allow. Teams, lifetime of keys, admin and priority are this one's own."""
        budget = _lower(self.max_budget, other.max_budget)
        both = self.max_budget is not None and other.max_budget is not None
        renewed = self.budget_duration if other.max_budget is None else other.budget_duration
        if both:
            renewed = duration.longer(self.budget_duration, other.budget_duration)
        return self.model_copy(
            update={
                "models": self._common_models(other),
                "max_budget": budget,
                "budget_duration": renewed,
                **{name: _lower(getattr(self, name), getattr(other, name)) for name in LIMITS},
                **{name: lowest(getattr(self, name), getattr(other, name)) for name in PER_MODEL},
            }
        )

    def _common_models(self, other: Grant) -> tuple[str, ...] | None:
        if self.models is None or other.models is None:
            return other.models if self.models is None else self.models
        mine = [model for model in self.models if other.allows(model)]
        theirs = [model for model in other.models if self.allows(model)]
        return tuple(dict.fromkeys((*mine, *theirs)))


def litellm_models(models: Iterable[str] | None) -> list[str]:
    """The models of a grant as LiteLLM takes them for a new key or user."""
    return [] if models is None else list(models) or [NO_MODELS]


def models_of(listed: object) -> tuple[str, ...] | None:
    """The models that a row of LiteLLM allows, which says all by none and by names of its own."""
    if not isinstance(listed, list) or not listed or ALL_MODELS & set(listed):
        return None
    return tuple(name for name in listed if name != NO_MODELS)


def lowest(one: PerModel, other: PerModel) -> PerModel:
    """Both limits per model, where both have one the lower."""
    return {
        model: min(found)
        for model in {**one, **other}
        if (found := [each[model] for each in (one, other) if model in each])
    }


def _lower(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
