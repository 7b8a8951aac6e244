"""The roster: who may use the gateway, how much of it, and with which keys.

A field that is left out means "no limit", but for `max_budget` and `budget_duration`: there the gateway
has defaults of its own, which stay unless the roster names a number or, with null, "no budget".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

MODEL_BUDGET_PERIOD = "28d"
"""Window of a model's budget where the roster gives dollars alone."""
_ADMINISTRATOR = "default_user_id"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 30 * 86400}


def _not_a_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


Duration = Annotated[str, StringConstraints(pattern=r"^[1-9]\d*(s|m|h|d|w|mo)$")]
"""As LiteLLM writes them: `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`."""
Limit = Annotated[int, BeforeValidator(_not_a_flag), Field(ge=0)]
Dollars = Annotated[float, BeforeValidator(_not_a_flag), Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Model = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def seconds(duration: str) -> int:
    """Length of a duration in seconds; a month counts 30 days.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"(\d+)(s|m|h|d|w|mo)", duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration, such as 30d")
    return int(found[1]) * _UNITS[found[2]]


def _moment(value: Any) -> Any:
    """A date is the beginning of that day; a moment without a zone is in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    raise ValueError("a date is needed, such as 2027-01-31")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ModelBudget(_Strict):
    """Dollars that may go to one model in each window."""

    budget_limit: Dollars
    time_period: Duration = MODEL_BUDGET_PERIOD


class Limits(_Strict):
    """What bounds a user or a key."""

    models: tuple[Model, ...] | None = None
    """Allow-list; nothing means every model."""
    max_budget: Dollars | None = None
    budget_duration: Duration | None = None
    """How often the spend goes back to zero."""
    tpm_limit: Limit | None = None
    rpm_limit: Limit | None = None
    max_parallel_requests: Limit | None = None
    model_rpm_limit: dict[Model, Limit] | None = None
    model_tpm_limit: dict[Model, Limit] | None = None


class RosterKey(Limits):
    """A key of a user; limits left out here are those of the user."""

    alias: Name
    """Its name in the gateway, where no two keys share one; `{id}` stands for the user's id."""
    expires: Moment | None = None
    duration: Duration | None = None
    """How long it lives from the moment it is issued; one that has expired is issued anew."""
    rotate: bool | Moment = False
    """A date: issued anew once, on or after that day. true: once, for as long as it says true."""

    @field_validator("rotate", mode="before")
    @classmethod
    def _flag_or_moment(cls, value: Any) -> Any:
        return value if isinstance(value, bool) else _moment(value)

    @model_validator(mode="after")
    def _one_end(self) -> RosterKey:
        if self.expires and self.duration:
            raise ValueError("expires and duration exclude each other")
        return self


class Defaults(Limits):
    """What every user has who does not say otherwise."""

    model_max_budget: dict[Model, ModelBudget] | None = None
    metadata: dict[str, Any] | None = None
    team: Name | None = None
    keys: tuple[RosterKey, ...] | None = None

    @field_validator("model_max_budget", mode="before")
    @classmethod
    def _dollars_alone(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            model: {"budget_limit": budget} if isinstance(budget, int | float | str) else budget
            for model, budget in value.items()
        }

    @field_validator("metadata")
    @classmethod
    def _not_ours(cls, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        taken = {"managed_by", "managed_metadata", "model_rpm_limit", "model_tpm_limit"}
        for name in taken & set(metadata or {}):
            raise ValueError(f"{name} is not for the roster's metadata")
        return metadata


class RosterUser(Defaults):
    """One user."""

    id: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:|+-]*$", max_length=200)
    ]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", to_lower=True)] | None = (
        None
    )
    alias: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _own_aliases(cls, document: Any) -> Any:
        """`{id}` in the aliases of keys, which is how defaults name everybody's keys."""
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            return document
        return {**document, "keys": [_named(key, document.get("id")) for key in document["keys"]]}

    @field_validator("id")
    @classmethod
    def _a_person(cls, user_id: str) -> str:
        if user_id == _ADMINISTRATOR:
            raise ValueError(f"{user_id} is the gateway's administrator")
        return user_id

    @model_validator(mode="after")
    def _keys_within(self) -> RosterUser:
        for key in self.keys or ():
            beyond = sorted(set(key.models or ()) - set(self.models or key.models or ()))
            if beyond:
                raise ValueError(f"key {key.alias}: {beyond[0]} is not among the user's models")
        return self


class Roster(_Strict):
    """Every user, defaults filled in."""

    defaults: Defaults = Defaults()
    users: tuple[RosterUser, ...]

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        defaults, users = document.get("defaults"), document.get("users")
        if not isinstance(defaults, dict) or not isinstance(users, list | tuple):
            return document
        filled = [_filled(user, defaults) if isinstance(user, dict) else user for user in users]
        return {**document, "users": filled}

    @model_validator(mode="after")
    def _all_different(self) -> Roster:
        seen: dict[tuple[str, str], str] = {}
        for what, name, where in self._names():
            before = seen.setdefault((what, name), where)
            if before != where:
                raise ValueError(f"{where}: {what} {name} is that of {before} already")
        return self

    def _names(self) -> Iterator[tuple[str, str, str]]:
        """What must be there once: kind, name, place."""
        for place, user in enumerate(self.users):
            yield "id", user.id, f"users[{place}].id"
            if user.email:
                yield "email", user.email, f"users[{place}].email"
            for number, key in enumerate(user.keys or ()):
                yield "key alias", key.alias, f"users[{place}].keys[{number}].alias"


def _named(key: Any, user_id: Any) -> Any:
    if not isinstance(key, dict) or not isinstance(key.get("alias"), str):
        return key
    return {**key, "alias": key["alias"].replace("{id}", str(user_id))}


def _filled(user: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The user with the defaults; metadata is merged, all else replaced."""
    merged = {**{k: v for k, v in defaults.items() if k in Defaults.model_fields}, **user}
    if isinstance(defaults.get("metadata"), dict) and isinstance(user.get("metadata"), dict):
        merged["metadata"] = {**defaults["metadata"], **user["metadata"]}
    return merged
