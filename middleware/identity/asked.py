"""What somebody who does not administer the gateway may ask for, of a key of their own: the allow-list.

LiteLLM has many more fields, by which a key could get routes, permissions, budgets or other people's teams,
and new ones with each version. What is not listed here is refused by its name, unless it asks for nothing:
LiteLLM's own UI sends empty ones along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from middleware.errors import InvalidRequest
from middleware.identity.grant import Count, Dollars, Duration, PerModel

Row = Mapping[str, Any]
Asked = TypeVar("Asked", bound="AskedKey")
Name = Annotated[str, Field(max_length=256)]


class Description(BaseModel):
    """The only metadata that is the owner's: LiteLLM and this service keep limits in the rest."""

    model_config = ConfigDict(extra="forbid")

    description: Annotated[str, Field(max_length=1000)] = ""


class AskedKey(BaseModel):
    """Fields of a new key. Those that were sent are in `model_fields_set`."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    key_alias: Name | None = None
    user_id: Name | None = None
    team_id: Name | None = None
    duration: Duration | None = None
    models: Annotated[list[Name], Field(max_length=1000)] | None = None
    max_budget: Dollars | None = None
    budget_duration: Duration | None = None
    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_parallel_requests: Count | None = None
    model_rpm_limit: PerModel | None = None
    model_tpm_limit: PerModel | None = None
    key_type: Literal["default", "llm_api", "read_only"] | None = None
    rpm_limit_type: Literal["best_effort_throughput"] | None = None
    tpm_limit_type: Literal["best_effort_throughput"] | None = None
    metadata: Description | None = None


class AskedUser(AskedKey):
    """The same for `/user/new`, where a token's subject asks for its first key."""

    user_email: Name | None = None
    user_role: Name | None = None
    teams: list[Name] | None = None
    auto_create_key: Literal[True] | None = None


class AskedChange(AskedKey):
    """The same for a key that there is. The owner of its metadata is not the owner of the key."""

    key: Name | None = None
    key_type: None = None
    metadata: None = None


def decoded(body: bytes) -> dict[str, Any]:
    """A body of JSON. Raises `InvalidRequest` where it is no object."""
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise InvalidRequest("The request body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return found


def for_key(body: Mapping[str, Any]) -> AskedKey:
    """What is asked of a new key. Raises `InvalidRequest`."""
    return _checked(AskedKey, _something(body))


def for_user(body: Mapping[str, Any]) -> AskedUser:
    """What is asked of a user's first key. Raises `InvalidRequest`."""
    return _checked(AskedUser, _something(body))


def for_change(body: Mapping[str, Any], row: Row) -> AskedChange:
    """What is asked to become otherwise than it is in the key's row. Raises `InvalidRequest`."""
    changes = {name: value for name, value in body.items() if not _is_so(name, value, row)}
    return _checked(AskedChange, changes)


def current(name: str, row: Row) -> Any:
    """A field's present value: LiteLLM keeps some of them in the metadata."""
    metadata = row.get("metadata")
    kept = metadata.get(name) if isinstance(metadata, dict) else None
    return row[name] if row.get(name) is not None else kept


def _checked(model: type[Asked], body: Mapping[str, Any]) -> Asked:
    if foreign := sorted(name for name in body if name not in model.model_fields):
        raise InvalidRequest(f"Only an administrator may set: {', '.join(foreign)[:500]}.")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(
            f"{place[:200]}: {first['msg'].removeprefix('Value error, ')}."
        ) from None


def _something(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not _is_nothing(value)}


def _is_so(name: str, value: Any, row: Row) -> bool:
    if name == "duration":  # LiteLLM keeps the moment that it leads to
        return value is None and row.get("expires") is None
    now = current(name, row)
    return bool(value == now) or (_is_nothing(value) and _is_nothing(now))


def _is_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})
