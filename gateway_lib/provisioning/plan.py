"""The difference between a roster and a gateway: pure, so it can be shown before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway_lib.provisioning.keys import KeyStep, plan_keys
from gateway_lib.provisioning.live import GatewayState, LiveUser
from gateway_lib.provisioning.wanted import Fields, WantedUser

Action = Literal["create", "change", "unchanged", "revoke", "blocked", "absent"]
_METADATA = "metadata."
_NOTHING: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True)
class Change:
    """One field that differs; `old` is None where the gateway has nothing."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class UserStep:
    """What is to be done about one user.

    Attributes:
        user_id: Whose.
        action: `blocked`: cannot be done, `reason` says why; `absent`: ours, but not in the roster, and
            left alone.
        changes: Fields of the user.
        keys: What is to be done about the keys, in the order in which it has to happen.
        reason: Why, where the action alone does not say it.
        wanted: The user as the roster has them; None for one who is not in it.
    """

    user_id: str
    action: Action
    changes: tuple[Change, ...] = ()
    keys: tuple[KeyStep, ...] = ()
    reason: str | None = None
    wanted: WantedUser | None = field(default=None, repr=False)

    @property
    def pending(self) -> bool:
        """Whether applying it would do anything."""
        return self.action in ("create", "change", "revoke") or any(
            key.pending for key in self.keys
        )


@dataclass(frozen=True)
class Plan:
    """Every user of the roster in its order, then those of ours who are not in it."""

    steps: tuple[UserStep, ...]
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[UserStep, ...]:
        """Steps that would do something."""
        return tuple(step for step in self.steps if step.pending)

    @property
    def blocked(self) -> tuple[UserStep, ...]:
        """Steps that cannot be done."""
        return tuple(step for step in self.steps if step.action == "blocked")

    @property
    def counts(self) -> dict[str, int]:
        """How many users and keys of each action, those of which there are any."""
        found: dict[str, int] = {}
        for step in self.steps:
            found[f"users {step.action}"] = found.get(f"users {step.action}", 0) + 1
            for key in step.keys:
                found[f"keys {key.action}"] = found.get(f"keys {key.action}", 0) + 1
        return dict(sorted(found.items()))


def plan(
    wanted: Mapping[str, WantedUser],
    state: GatewayState,
    *,
    now: datetime,
    revoke_absent: bool = False,
    served: Iterable[str] = (),
) -> Plan:
    """What has to be done for the gateway to be as the roster says.

    Args:
        wanted: The roster's users.
        state: What the gateway has.
        now: What time it is, for keys that expire or are due for rotation.
        revoke_absent: Delete users and keys that a roster made and this one does not have. Without it
            they are told and left alone; what no roster made is never touched.
        served: Models that the gateway serves, to warn of names that it does not know.
    """
    steps = [_step(user, state, now, revoke_absent) for user in wanted.values()]
    for live in state.users.values():
        if live.managed and live.user_id not in wanted:
            steps.append(_absent(live, state, revoke_absent))
    return Plan(tuple(steps), tuple(_unknown_models(wanted.values(), set(served))))


def _step(user: WantedUser, state: GatewayState, now: datetime, revoke_absent: bool) -> UserStep:
    conflict = _conflict(user, state)
    if conflict:
        return UserStep(user.user_id, "blocked", reason=conflict)
    live = state.users.get(user.user_id)
    changes = difference(user.fields, live)
    keys = plan_keys(user.keys, state.keys_of(user.user_id), now, revoke_absent)
    if live is None:
        return UserStep(user.user_id, "create", changes, keys, wanted=user)
    reason = None if live.managed else "made by other means, taken over"
    action: Action = "change" if changes else "unchanged"
    return UserStep(user.user_id, action, changes, keys, reason, user)


def difference(wanted: Fields, live: LiveUser | None) -> tuple[Change, ...]:
    """Fields in which a user is not as wanted; metadata that no roster put there does not count."""
    if live is None:
        return tuple(Change(n, None, v) for n, v in wanted.items() if v not in _NOTHING)
    names = [*wanted, *(n for n in live.fields if n.startswith(_METADATA) and n not in wanted)]
    changes = []
    for name in names:
        inside = name.removeprefix(_METADATA)
        old = live.metadata.get(inside) if name != inside else live.fields.get(name)
        if old != wanted.get(name):
            changes.append(Change(name, old, wanted.get(name)))
    return tuple(changes)


def _conflict(user: WantedUser, state: GatewayState) -> str | None:
    """Why LiteLLM would refuse the user: an email or an alias that somebody else has."""
    email = user.fields.get("user_email")
    for other in state.users.values():
        if email and other.fields["user_email"] == email and other.user_id != user.user_id:
            return f"its email {email} is that of the user {other.user_id}"
    aliases = {key.alias for key in user.keys}
    for key in state.keys:
        if key.alias in aliases and key.user_id != user.user_id:
            return f"its key alias {key.alias} is that of a key of {key.user_id or 'nobody'}"
    return None


def _absent(live: LiveUser, state: GatewayState, revoke_absent: bool) -> UserStep:
    keys = len(state.keys_of(live.user_id))
    own = f"not in the roster, with {keys} key{'' if keys == 1 else 's'}"
    if revoke_absent and live.role in (None, "internal_user", "internal_user_viewer"):
        return UserStep(live.user_id, "revoke", reason=own)
    kept = f" and the role {live.role}" if revoke_absent else "; --revoke-absent would delete it"
    return UserStep(live.user_id, "absent", reason=own + kept)


def _unknown_models(users: Iterable[WantedUser], served: set[str]) -> Iterable[str]:
    """Names that the gateway does not serve. Wildcards and access groups are not known here."""
    if not served:
        return
    for user in users:
        parts = [user.fields, *(key.fields for key in user.keys)]
        named = {model for fields in parts for model in _models(fields)}
        for model in sorted(named - served):
            if "*" not in model:
                yield f"{user.user_id}: the gateway serves no model {model}"


def _models(fields: Fields) -> Iterable[str]:
    for name in ("models", "model_rpm_limit", "model_tpm_limit", "model_max_budget"):
        yield from fields.get(name) or ()
