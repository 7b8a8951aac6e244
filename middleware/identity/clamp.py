"""What was asked for, cut down to what is granted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from middleware.errors import Forbidden
from middleware.identity import duration
from middleware.identity.asked import AskedChange, AskedKey, Row
from middleware.identity.grant import (
    ALL_MODELS,
    LIMITS,
    NO_MODELS,
    PER_MODEL,
    Grant,
    PerModel,
    litellm_models,
)

Budget = tuple[float | None, str | None]


def new_key(asked: AskedKey, grant: Grant) -> dict[str, Any]:
    """The fields of a new key, every limit of the grant among them.

    Raises:
        Forbidden: none of the models asked for is granted.
    """
    max_budget, renewed = budget((asked.max_budget, asked.budget_duration), grant)
    fields: dict[str, Any] = {
        "key_alias": asked.key_alias,
        "key_type": asked.key_type,
        "team_id": asked.team_id,
        "duration": duration.shorter(asked.duration, grant.key_lifetime),
        "max_budget": max_budget,
        "budget_duration": renewed,
        **{name: limit(getattr(asked, name), getattr(grant, name)) for name in LIMITS},
        **{name: per_model(getattr(asked, name) or {}, grant, name) or None for name in PER_MODEL},
    }
    stated = {name: value for name, value in fields.items() if value is not None}
    return {**stated, "models": models(asked.models, grant)}


def changed_key(asked: AskedChange, grant: Grant, row: Row) -> dict[str, Any]:
    """The fields that change in a key's row; what was not asked for is left as it is.

    Raises:
        Forbidden: none of the models asked for is granted, or the key is at the end of its life.
    """
    sent = asked.model_fields_set
    fields: dict[str, Any] = {}
    if asked.key_alias is not None:
        fields["key_alias"] = asked.key_alias
    if "duration" in sent:
        fields["duration"] = _longer_life(asked.duration, grant, row)
    if "models" in sent:
        fields["models"] = models(asked.models, grant)
    if {"max_budget", "budget_duration"} & sent:
        now = (row.get("max_budget"), duration.known(row.get("budget_duration")))
        wanted: dict[str, Any] = dict(zip(_BUDGET, now, strict=True))
        wanted |= asked.model_dump(exclude_unset=True)
        pair = budget((wanted["max_budget"], wanted["budget_duration"]), grant)
        fields |= dict(zip(_BUDGET, pair, strict=True))
    for name in LIMITS:
        if name in sent:
            fields[name] = limit(getattr(asked, name), getattr(grant, name))
    for name in PER_MODEL:
        if name in sent:
            fields[name] = per_model(getattr(asked, name) or {}, grant, name)
    return fields


def models(asked: Iterable[str] | None, grant: Grant) -> list[str]:
    """Those asked for that are granted, by LiteLLM's names; all that are granted where none is asked for."""
    wanted = list(dict.fromkeys(asked or ()))
    if not wanted or (grant.models is not None and ALL_MODELS & set(wanted)):
        return litellm_models(grant.models)
    granted = [model for model in wanted if model == NO_MODELS or grant.allows(model)]
    if not granted:
        raise Forbidden("None of these models is granted to you.")
    return granted


def budget(asked: Budget, grant: Grant) -> Budget:
    """A budget that never comes to more than the grant's, at once or in the long run."""
    dollars, renewed = asked
    if grant.max_budget is None:
        return asked
    if dollars is None and renewed is None:
        return grant.max_budget, grant.budget_duration
    if dollars is None:
        dollars = grant.max_budget
    if dollars <= grant.max_budget and _rate(dollars, renewed) <= _rate(
        grant.max_budget, grant.budget_duration
    ):
        return dollars, renewed
    longest = grant.budget_duration
    if renewed is not None:
        longest = duration.longer(renewed, grant.budget_duration)
    return min(dollars, grant.max_budget), longest


def limit(asked: float | None, granted: float | None) -> float | None:
    """The lower one; None is none."""
    return granted if asked is None else asked if granted is None else min(asked, granted)


def per_model(asked: PerModel, grant: Grant, name: str) -> PerModel:
    """Limits of single models: the grant's own, and those asked for, below them and its general limit."""
    own: PerModel = getattr(grant, name)
    general: int | None = getattr(grant, name.removeprefix("model_"))
    limits = dict(own)
    for model, wanted in asked.items():
        if grant.allows(model):
            bounds = (wanted, own.get(model), general)
            limits[model] = min(bound for bound in bounds if bound is not None)
    return limits


_BUDGET = ("max_budget", "budget_duration")


def _rate(dollars: float, renewed: str | None) -> float:
    return dollars / duration.seconds(renewed)


def _longer_life(asked: str | None, grant: Grant, row: Row) -> str | None:
    """A duration from now that ends within the key's lifetime, which counts from its creation."""
    if grant.key_lifetime is None:
        return asked
    created = datetime.fromisoformat(str(row["created_at"]))
    age = (datetime.now(UTC) - created).total_seconds()
    left = int(duration.seconds(grant.key_lifetime) - age)
    if left <= 0:
        raise Forbidden(f"A key lives for {grant.key_lifetime} at most; make a new one.")
    return asked if duration.seconds(asked) <= left else f"{left}s"
