"""What the roster asks for, in the gateway's own terms.

Both sides are compared as flat fields, so that a difference can be told as `field: old → new`.
LiteLLM counts parallel requests and the limits per model for each key, never for a user: set on a user
alone they bind nothing (1.106.2). They are put on every key of the user; the limits per model also stay
in the user's metadata, where LiteLLM itself keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway_lib.provisioning.roster import Roster, RosterKey, RosterUser

MANAGED_BY = "roster"
"""Value of `managed_by` in the metadata of what a roster made."""
MANAGED_METADATA = "managed_metadata"
"""Names in a user's metadata that came from a roster, so that one which is taken out can be removed."""
PER_MODEL = ("model_rpm_limit", "model_tpm_limit")

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class WantedKey:
    """A key as the roster has it.

    Attributes:
        alias: Its name in the gateway.
        fields: Limits, those of the user where the key has none of its own.
        expires: When it ends.
        lifetime: How long it lives after it was issued, in LiteLLM's notation.
        rotate: From when on a key that was issued before is replaced.
        rotate_once: Whether to replace it one time.
    """

    alias: str
    fields: Fields
    expires: datetime | None = None
    lifetime: str | None = None
    rotate: datetime | None = None
    rotate_once: bool = False


@dataclass(frozen=True)
class WantedUser:
    """A user as the roster has them: fields to compare, and keys."""

    user_id: str
    fields: Fields
    keys: tuple[WantedKey, ...] = ()


def wanted_users(roster: Roster) -> dict[str, WantedUser]:
    """By id, in the roster's order, what every user should be."""
    return {user.id: _wanted(user) for user in roster.users}


def _wanted(user: RosterUser) -> WantedUser:
    metadata = {**(user.metadata or {}), **({"team": user.team} if user.team else {})}
    fields: dict[str, Any] = {
        "user_email": user.email,
        "user_alias": user.alias,
        "models": sorted(set(user.models or ())),
        "tpm_limit": user.tpm_limit,
        "rpm_limit": user.rpm_limit,
        "model_rpm_limit": dict(user.model_rpm_limit or {}),
        "model_tpm_limit": dict(user.model_tpm_limit or {}),
        "model_max_budget": {
            model: budget.model_dump() for model, budget in (user.model_max_budget or {}).items()
        },
        "managed_by": MANAGED_BY,
        **{f"metadata.{name}": value for name, value in metadata.items()},
    }
    for name in ("max_budget", "budget_duration"):
        if name in user.model_fields_set:
            fields[name] = getattr(user, name)
    return WantedUser(user.id, fields, tuple(_wanted_key(key, user) for key in user.keys or ()))


def _wanted_key(key: RosterKey, user: RosterUser) -> WantedKey:
    inherited = {
        name: value if (value := getattr(key, name)) is not None else getattr(user, name)
        for name in ("max_parallel_requests", *PER_MODEL)
    }
    fields: dict[str, Any] = {
        "models": sorted(set(key.models or ())),
        "max_budget": key.max_budget,
        "budget_duration": key.budget_duration,
        "tpm_limit": key.tpm_limit,
        "rpm_limit": key.rpm_limit,
        "max_parallel_requests": inherited["max_parallel_requests"],
        **{name: dict(inherited[name] or {}) for name in PER_MODEL},
        "managed_by": MANAGED_BY,
    }
    once = key.rotate is True
    return WantedKey(
        key.alias,
        fields,
        expires=key.expires,
        lifetime=key.duration,
        rotate=None if isinstance(key.rotate, bool) else key.rotate,
        rotate_once=once,
    )
