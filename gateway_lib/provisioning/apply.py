"""Making the gateway as a plan says, in steps of which each can be the last.

How far an apply came is kept in the gateway alone. A key counts as done when it is marked as delivered,
and it is marked after the delivery is durable: an interruption at any moment leaves something that the
next plan sees and finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from gateway_lib.clients import AdminClient
from gateway_lib.errors import ApplyFailed, GatewayError
from gateway_lib.provisioning.bodies import key_body, key_metadata, new_user, user_update
from gateway_lib.provisioning.delivery import Delivery
from gateway_lib.provisioning.issued import IssuedKey
from gateway_lib.provisioning.keys import KeyStep, end_of
from gateway_lib.provisioning.live import read_keys, read_user
from gateway_lib.provisioning.plan import Change, Plan, UserStep, difference
from gateway_lib.provisioning.roster import seconds
from gateway_lib.provisioning.wanted import PER_MODEL, WantedKey
from gateway_lib.runs.redaction import Redactor

_NO_KEYS = Redactor(frozenset())


@dataclass(frozen=True)
class Outcome:
    """What became of one user's step: what was done, in words, and what stopped it."""

    user_id: str
    action: str
    done: tuple[str, ...] = ()
    error: str | None = None
    issued: tuple[IssuedKey, ...] = field(default=(), repr=False)


@dataclass
class Applier:
    """Applies plans to one gateway.

    Attributes:
        admin: Client of its admin API.
        delivery: Where issued keys go.
        gateway: Its base URL, which is delivered with the keys.
        now: The clock.
    """

    admin: AdminClient
    delivery: Delivery
    gateway: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def apply(self, plan: Plan) -> Iterator[Outcome]:
        """Apply every step that would do something, telling of each when it ended.

        An error ends the step of its user; the others go on. Interrupted, it goes on with the next plan.

        Raises:
            DeliveryError: Keys cannot be delivered; asked before anything is done.
        """
        pending = [step for step in plan.steps if step.pending or step.action == "blocked"]
        if any(key.action in ("create", "rotate") for step in pending for key in step.keys):
            self.delivery.check()
        for step in pending:
            yield self._apply(step)

    def _apply(self, step: UserStep) -> Outcome:
        done: list[str] = []
        issued: list[IssuedKey] = []
        error: str | None = None
        try:
            if step.action == "blocked":
                raise ApplyFailed(step.reason or "it cannot be done")
            if step.action == "revoke":
                self._revoke(step.user_id, done)
            if step.wanted and step.action in ("create", "change"):
                self._settle(step, done)
            for key in step.keys:
                self._key(step.user_id, key, done, issued)
        except GatewayError as failure:
            error = _NO_KEYS.text(" ".join(str(failure).split()))
        except (KeyError, TypeError, ValueError) as failure:
            error = f"the gateway's answer was not understood: {type(failure).__name__}"
        return Outcome(step.user_id, step.action, tuple(done), error, tuple(issued))

    def _settle(self, step: UserStep, done: list[str]) -> None:
        """Create the user where missing, then change what differs, until the gateway says what was asked.

        /user/new fills in defaults and does not take every field, so what it made is read and corrected.
        """
        assert step.wanted is not None  # noqa: S101
        fields = step.wanted.fields
        live = read_user(self.admin, step.user_id)
        if live is None:
            self.admin.post("/user/new", **new_user(step.user_id, fields))
            done.append("created")
            live = read_user(self.admin, step.user_id)
        changes = difference(fields, live) if live else ()
        if live and changes:
            self.admin.post("/user/update", **user_update(live, fields, changes))
            done.append("changed " + ", ".join(change.field for change in changes))
            live = read_user(self.admin, step.user_id)
        left = difference(fields, live) if live else (Change("user", step.user_id, None),)
        if left:
            told = "; ".join(f"{c.field} is {c.old!r}, not {c.new!r}" for c in left)
            raise ApplyFailed(f"the gateway did not take it: {told}")

    def _key(self, user_id: str, step: KeyStep, done: list[str], issued: list[IssuedKey]) -> None:
        live, wanted = step.live, step.wanted
        if step.action == "revoke" and live:
            self._delete(step.alias, live.token)
            done.append(f"deleted key {step.alias}")
        elif step.action == "change" and live and wanted:
            self.admin.post("/key/update", key=live.token, **self._key_update(step))
            done.append(f"changed key {step.alias}")
        elif step.action in ("create", "rotate") and wanted:
            if live and live.delivered:
                self._make_room(wanted.alias, live.token, live.metadata)
            elif live:
                self._delete(step.alias, live.token)
            key = self._issue(user_id, wanted, spend=live.spend if live else 0.0)
            issued.append(key)
            done.append(f"{'re-issued' if live else 'issued'} key {step.alias}")
            if live and live.delivered:
                self._delete(step.alias, live.token)

    def _make_room(self, alias: str, token: str, metadata: Mapping[str, Any]) -> None:
        """Give the alias of a key that is being replaced free; the key goes on working."""
        self.admin.post(
            "/key/update",
            key=token,
            key_alias=f"{alias} (replaced {token[:8]})",
            metadata={**metadata, "managed_by": "roster", "replaced": alias},
        )

    def _issue(self, user_id: str, wanted: WantedKey, spend: float) -> IssuedKey:
        """Make a key, hand it over, and only then mark it as delivered."""
        metadata = key_metadata(wanted, {})
        body = {**key_body(wanted.fields), "metadata": metadata, "spend": spend}
        duration = self._duration(wanted)
        made = self.admin.post(
            "/key/generate",
            user_id=user_id,
            key_alias=wanted.alias,
            **({"duration": duration} if duration else {}),
            **{name: value for name, value in body.items() if value is not None},
        )
        expires = made.get("expires")
        key = IssuedKey(
            user_id,
            wanted.alias,
            SecretStr(str(made["key"])),
            self.gateway,
            datetime.fromisoformat(expires) if expires else None,
        )
        self.delivery.deliver(key)
        stamp = self.now().isoformat(timespec="seconds")
        self.admin.post("/key/update", key=key.token, metadata={**metadata, "delivered": stamp})
        return key

    def _key_update(self, step: KeyStep) -> dict[str, Any]:
        assert step.wanted and step.live  # noqa: S101
        names = {name for name, _, _ in step.changes}
        body = {n: v for n, v in key_body(step.wanted.fields).items() if n in names}
        if names & {*PER_MODEL, "managed_by", "rotate"}:
            metadata = key_metadata(step.wanted, step.live.metadata)
            if not step.live.managed:
                metadata["delivered"] = self.now().isoformat(timespec="seconds")
            body["metadata"] = metadata
        if "expires" in names:
            end = end_of(step.wanted, step.live)
            body["duration"] = self._until(end) if end else None
        return body

    def _duration(self, wanted: WantedKey) -> str | None:
        """In seconds, of which everybody has the same notion."""
        if wanted.lifetime:
            return f"{seconds(wanted.lifetime)}s"
        return self._until(wanted.expires) if wanted.expires else None

    def _until(self, end: datetime) -> str:
        return f"{max(1, round((end - self.now()) / timedelta(seconds=1)))}s"

    def _delete(self, alias: str, token: str) -> None:
        self.admin.post("/key/delete", keys=[token])
        self.delivery.withdraw(alias, token)

    def _revoke(self, user_id: str, done: list[str]) -> None:
        """Delete a user, and with them every key they have."""
        keys = read_keys(self.admin, user_id)
        self.admin.post("/user/delete", user_ids=[user_id])
        for key in keys:
            self.delivery.withdraw(key.alias or "", key.token)
        done.append(f"deleted, with {len(keys)} key{'' if len(keys) == 1 else 's'}")
