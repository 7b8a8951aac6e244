"""What the gateway has: users and keys as its admin API tells them, read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway_lib.clients import AdminClient
from gateway_lib.errors import GatewayUnreachable
from gateway_lib.provisioning.wanted import MANAGED_BY, MANAGED_METADATA, PER_MODEL, Fields

ALL_MODELS = "all-proxy-models"
"""LiteLLM's word for "every model". An empty list means the same, but /user/update ignores one."""
_PAGE = 100
_PLAIN_USER = ("max_budget", "budget_duration", "tpm_limit", "rpm_limit")
_PLAIN_KEY = (*_PLAIN_USER, "max_parallel_requests")


@dataclass(frozen=True)
class LiveKey:
    """A key in the gateway, which knows it by the hash of its value (`token`)."""

    token: str
    alias: str | None
    user_id: str | None
    fields: Fields
    metadata: Mapping[str, Any] = field(default_factory=dict)
    expires: datetime | None = None
    created: datetime | None = None
    spend: float = 0.0

    @property
    def managed(self) -> bool:
        return self.metadata.get("managed_by") == MANAGED_BY

    @property
    def delivered(self) -> bool:
        """Whether somebody has it. Who made a key without us was shown it."""
        return not self.managed or bool(self.metadata.get("delivered"))

    @property
    def replaces(self) -> str | None:
        """Alias that it had before another key took its place."""
        return self.metadata.get("replaced") if self.managed else None


@dataclass(frozen=True)
class LiveUser:
    """A user in the gateway."""

    user_id: str
    fields: Fields
    metadata: Mapping[str, Any] = field(default_factory=dict)
    role: str | None = None
    spend: float = 0.0

    @property
    def managed(self) -> bool:
        return self.metadata.get("managed_by") == MANAGED_BY


@dataclass(frozen=True)
class GatewayState:
    """Every user by id, and every key."""

    users: Mapping[str, LiveUser] = field(default_factory=dict)
    keys: tuple[LiveKey, ...] = ()

    def keys_of(self, user_id: str) -> list[LiveKey]:
        return [key for key in self.keys if key.user_id == user_id]


def read_state(admin: AdminClient, *, detailed: Iterable[str] = ()) -> GatewayState:
    """All users and keys, a hundred to a request.

    Args:
        admin: Client of the admin API.
        detailed: Users of whom /user/info is asked too, which may know more than the list.

    Raises:
        GatewayUnreachable: The gateway does not answer, or the key is not an administrator's.
    """
    users = _pages(admin, "/user/list", "users", "total", page_size=_PAGE, sort_by="user_id")
    keys = _pages(
        admin, "/key/list", "keys", "total_count", size=_PAGE, return_full_object="true",
        sort_by="created_at", sort_order="asc",
    )  # fmt: skip
    found = {str(row["user_id"]): live_user(row) for row in users}
    for user_id in detailed:
        known = read_user(admin, user_id) if user_id in found else None
        if known:
            found[user_id] = known
    return GatewayState(found, tuple({row["token"]: live_key(row) for row in keys}.values()))


def read_user(admin: AdminClient, user_id: str) -> LiveUser | None:
    """One user; None where there is none of that id."""
    try:
        answer = admin.get("/user/info", user_id=user_id)
    except GatewayUnreachable as error:
        if "HTTP 404" in str(error):
            return None
        raise
    return live_user(answer["user_info"])


def read_keys(admin: AdminClient, user_id: str) -> list[LiveKey]:
    """The keys of one user."""
    rows = _pages(
        admin, "/key/list", "keys", "total_count", size=_PAGE, return_full_object="true",
        user_id=user_id, sort_by="created_at", sort_order="asc",
    )  # fmt: skip
    return [live_key(row) for row in rows]


def _pages(
    admin: AdminClient, path: str, name: str, total: str, **query: str | int
) -> Iterator[Mapping[str, Any]]:
    """Rows of every page. A row that moves to another page meanwhile may come twice."""
    page, seen = 1, 0
    while True:
        answer = admin.get(path, page=page, **query)
        rows = answer.get(name)
        if not isinstance(rows, list):
            raise GatewayUnreachable(f"GET {path}: the answer has no {name}")
        count = 0
        for row in rows:
            count += 1
            yield row
        seen += count
        if not count or seen >= int(answer.get(total) or 0):
            return
        page += 1


def live_user(row: Mapping[str, Any]) -> LiveUser:
    """A user of a row as /user/list and /user/info have it."""
    metadata = dict(row.get("metadata") or {})
    ours = metadata.get(MANAGED_METADATA) or ()
    fields: dict[str, Any] = {
        "user_email": (row.get("user_email") or "").lower() or None,
        "user_alias": row.get("user_alias") or None,
        "models": _models(row),
        **{name: row.get(name) for name in _PLAIN_USER},
        **{name: dict(metadata.get(name) or {}) for name in PER_MODEL},
        "model_max_budget": {
            str(model): _budget(told) for model, told in (row.get("model_max_budget") or {}).items()
        },
        "managed_by": metadata.get("managed_by"),
        **{f"metadata.{name}": metadata[name] for name in ours if name in metadata},
    }
    spend = float(row.get("spend") or 0.0)
    return LiveUser(str(row["user_id"]), fields, metadata, row.get("user_role"), spend)


def live_key(row: Mapping[str, Any]) -> LiveKey:
    """A key of a row as /key/list has it."""
    metadata = dict(row.get("metadata") or {})
    fields: dict[str, Any] = {
        "models": _models(row),
        **{name: row.get(name) for name in _PLAIN_KEY},
        **{name: dict(metadata.get(name) or {}) for name in PER_MODEL},
        "managed_by": metadata.get("managed_by"),
    }
    return LiveKey(
        token=str(row["token"]),
        alias=row.get("key_alias"),
        user_id=row.get("user_id"),
        fields=fields,
        metadata=metadata,
        expires=_moment(row.get("expires")),
        created=_moment(row.get("created_at")),
        spend=float(row.get("spend") or 0.0),
    )


def _models(row: Mapping[str, Any]) -> list[str]:
    models = sorted(set(row.get("models") or ()))
    return [] if ALL_MODELS in models else models


def _budget(told: Any) -> dict[str, Any]:
    """A model's budget; dollars alone have no window, and LiteLLM then enforces nothing."""
    if not isinstance(told, Mapping):
        return {"budget_limit": told, "time_period": None}
    return {
        "budget_limit": told.get("budget_limit", told.get("max_budget")),
        "time_period": told.get("time_period", told.get("budget_duration")),
    }


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
