"""What is to be done about the keys of a user.

The gateway itself remembers how far an earlier apply came: a key that was issued but not handed over
lacks `delivered` in its metadata, and one that is being replaced has `replaced` there. LiteLLM
regenerates keys for licence holders only, so a rotation is a new key under the old one's alias.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from gateway_lib.provisioning.live import LiveKey
from gateway_lib.provisioning.roster import seconds
from gateway_lib.provisioning.wanted import WantedKey

KeyAction = Literal["create", "change", "rotate", "revoke", "unchanged", "absent"]
_TOLERANCE = timedelta(minutes=10)
"""Difference of two ends that is none: a key ends so long after the gateway made it, by its own clock."""


@dataclass(frozen=True)
class KeyStep:
    """What is to be done about one key.

    Attributes:
        alias: Its name.
        action: `rotate` issues it anew and deletes the one that was; `absent` leaves it alone.
        changes: Field, old and new value.
        reason: Why, where the action alone does not say it.
        token: The hash by which the gateway knows the key that is there.
        wanted: The key as the roster has it.
        live: The key that is there.
    """

    alias: str
    action: KeyAction
    changes: tuple[tuple[str, Any, Any], ...] = ()
    reason: str | None = None
    wanted: WantedKey | None = field(default=None, repr=False)
    live: LiveKey | None = field(default=None, repr=False)

    @property
    def pending(self) -> bool:
        """Whether applying it would do anything."""
        return self.action in ("create", "change", "rotate", "revoke")


def plan_keys(
    wanted: Sequence[WantedKey], live: Iterable[LiveKey], now: datetime, revoke_absent: bool
) -> tuple[KeyStep, ...]:
    """Steps for the keys of a user: those of the roster first, then those that go.

    A key is deleted only after the one that takes its place was handed over.
    """
    there = list(live)
    by_alias = {key.alias: key for key in there if not key.replaces}
    steps = [_step(key, by_alias.get(key.alias), now) for key in wanted]
    names = {key.alias for key in wanted}
    for key in there:
        if key.replaces:
            steps.append(_gone(key, f"{key.replaces} took its place"))
        elif key.managed and key.alias not in names and revoke_absent:
            steps.append(_gone(key, "not in the roster"))
        elif key.managed and key.alias not in names:
            kept = "not in the roster; --revoke-absent would delete it"
            steps.append(KeyStep(key.alias or key.token[:8], "absent", reason=kept))
    return tuple(step for step in steps if step is not None)


def _gone(key: LiveKey, reason: str) -> KeyStep:
    return KeyStep(key.alias or key.token[:8], "revoke", reason=reason, live=key)


def _step(wanted: WantedKey, live: LiveKey | None, now: datetime) -> KeyStep | None:
    over = wanted.expires is not None and wanted.expires <= now
    if live is None:
        return None if over else KeyStep(wanted.alias, "create", wanted=wanted)
    if over:
        return KeyStep(wanted.alias, "unchanged", reason="expired", wanted=wanted, live=live)
    reason = _why_anew(wanted, live, now)
    if reason:
        return KeyStep(wanted.alias, "rotate", reason=reason, wanted=wanted, live=live)
    changes = key_changes(wanted, live)
    action: KeyAction = "change" if changes else "unchanged"
    return KeyStep(wanted.alias, action, changes, wanted=wanted, live=live)


def _why_anew(wanted: WantedKey, live: LiveKey, now: datetime) -> str | None:
    if not live.delivered:
        return "it was issued, but never handed over"
    end = end_of(wanted, live)
    if live.expires and live.expires <= now:
        return f"it expired on {live.expires:%Y-%m-%d %H:%M}"
    if end and end <= now:
        return f"it has lived for {wanted.lifetime}"
    if wanted.rotate and wanted.rotate <= now and live.created and live.created < wanted.rotate:
        return f"issued before {wanted.rotate:%Y-%m-%d}"
    if wanted.rotate_once and not live.metadata.get("rotated"):
        return "the roster says so"
    return None


def end_of(wanted: WantedKey, live: LiveKey) -> datetime | None:
    """When a key that is there should end."""
    if wanted.lifetime and live.created:
        return live.created + timedelta(seconds=seconds(wanted.lifetime))
    return wanted.expires


def key_changes(wanted: WantedKey, live: LiveKey) -> tuple[tuple[str, Any, Any], ...]:
    """Fields in which a key is not as wanted, with the old and the new value."""
    changes = [
        (name, live.fields.get(name), value)
        for name, value in wanted.fields.items()
        if live.fields.get(name) != value
    ]
    end = end_of(wanted, live)
    if (end is None) != (live.expires is None) or (
        end and live.expires and abs(end - live.expires) > _tolerance(wanted)
    ):
        changes.append(("expires", live.expires, end))
    if live.metadata.get("rotated") and not wanted.rotate_once:
        changes.append(("rotate", True, False))
    return tuple(changes)


def _tolerance(wanted: WantedKey) -> timedelta:
    """A tenth of a short life is not a rounding error."""
    if wanted.lifetime is None:
        return _TOLERANCE
    return min(_TOLERANCE, timedelta(seconds=seconds(wanted.lifetime) / 10))
