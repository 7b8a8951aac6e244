"""The subjects of tokens as users of LiteLLM, each with one key that only this service knows.

That key is computed and not stored: from the issuer, the subject and LiteLLM's master key. So every replica
has the same one after any restart, nobody can read it anywhere, and a subject has one however many tokens it
sends. It is renewed while it is used and dies by itself a week after.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from middleware.auth import METADATA
from middleware.errors import Forbidden
from middleware.identity.account import BUDGET, changes_of, fields_of, metadata_of, note_of
from middleware.identity.accounts import AccountRefused, Accounts, Row, limits_of, ours
from middleware.identity.asked import AskedKey
from middleware.identity.audit import Action, Audit, Pen
from middleware.identity.clamp import new_key
from middleware.identity.grant import LIMITS, PER_MODEL, Grant, litellm_models
from middleware.identity.policy import Policy, Rule
from middleware.identity.tokens import Claims
from middleware.lookup import Lookup

KEY_DAYS = 7
RENEW_DAYS = 3
_MAX_PEOPLE = 50_000
_RESERVED = frozenset(("default_user_id", "litellm-proxy-master-key"))


class NothingGranted(Forbidden):
    """The token is good, and the policy grants nothing to whom it is of."""

    code = "nothing_granted"
    standard = "The gateway's policy grants nothing to the subject of this token."


@dataclass(frozen=True, slots=True)
class Person:
    """A subject that LiteLLM knows as its user."""

    user: Row
    rule: str
    grant: Grant
    """What the policy grants, cut down to what LiteLLM's own row of the user allows."""
    key: str
    key_hash: str

    @property
    def user_id(self) -> str:
        return str(self.user["user_id"])


class People:
    """Makes users of subjects, and keeps what LiteLLM has of them as the policy has it."""

    def __init__(
        self,
        policy: Policy,
        accounts: Accounts,
        audit: Audit,
        *,
        issuer: str,
        secret: str,
        seconds: float,
    ) -> None:
        """People of one issuer; `secret` is what their keys are computed from."""
        self._policy = policy
        self._accounts = accounts
        self._audit = audit
        self._issuer = issuer
        self._secret = secret.encode()
        self._known = Lookup[Person](_MAX_PEOPLE, seconds)

    async def admit(self, claims: Claims, request_id: str) -> Person:
        """The person behind a good token, as of some seconds ago at most.

        Raises:
            NothingGranted: no rule matches, or one that refuses.
            Forbidden: LiteLLM has an administrator of that name, and the policy does not make it one.
            AccountRefused, UpstreamUnavailable, DatabaseUnavailable: it cannot be made a user now.
        """
        rule = self._policy.rule_for(claims.all)
        if rule is None or claims.subject in _RESERVED:
            raise NothingGranted
        return await self._known.get(
            f"{rule.name} {claims.subject}",
            lambda: self._admitted(claims.subject, rule, request_id),
        )

    async def _admitted(self, subject: str, rule: Rule, request_id: str) -> Person:
        grant = self._policy.granted(rule)
        row = await self._accounts.user(subject)
        if row is None:
            async with self._audit.pen(request_id) as pen:
                row = await self._create(subject, rule, grant, pen)
        elif changes := changes_of(row, rule, grant):
            async with self._audit.pen(request_id) as pen:
                row = await self._update(row, rule, changes, pen)
        meant = grant.meet(limits_of(row))
        key = self._key(subject)
        key_hash = hashlib.sha256(key.encode()).hexdigest()
        person = Person(row, rule.name, meant, key, key_hash)
        await self._ensure_key(person, request_id)
        return person

    async def _create(self, subject: str, rule: Rule, grant: Grant, pen: Pen) -> Row:
        fields = fields_of(grant)
        body = {
            "user_id": subject,
            "auto_create_key": False,
            **{name: value for name, value in fields.items() if value is not None},
            "models": litellm_models(grant.models),
            "metadata": {METADATA: note_of(rule, grant, fields)},
        }
        named = {**body, "user_email": subject} if "@" in subject else body
        # refused where another replica was faster, or a user of another id has the address
        await self._accounts.tried("/user/new", named)
        row = await self._accounts.user(subject)
        if row is None:
            await self._accounts.tell("/user/new", body)
            row = await self._accounts.user(subject)
        if row is None:
            raise AccountRefused
        await pen.write(subject, "user.created", rule.name, fields)
        return row

    async def _update(self, row: Row, rule: Rule, changes: Mapping[str, Any], pen: Pen) -> Row:
        subject = str(row["user_id"])
        fields = dict(changes)
        for team in fields.pop("join", ()):
            member = {"user_id": subject, "role": "user"}
            await self._accounts.tell("/team/member_add", {"team_id": team, "member": member})
        for team in fields.pop("leave", ()):
            await self._accounts.tell("/team/member_delete", {"team_id": team, "user_id": subject})
        await self._accounts.tell("/user/update", {"user_id": subject, **fields})
        await pen.write(subject, "user.updated", rule.name, changes)
        return await self._accounts.user(subject) or row

    async def _ensure_key(self, person: Person, request_id: str) -> None:
        fields = new_key(AskedKey(), person.grant)
        fields["duration"] = f"{KEY_DAYS}d"
        note = {"rule": person.rule, "priority": person.grant.priority, "fields": fields}
        row = await self._accounts.key(person.key_hash)
        if row is not None and ours(row) == note and not _ends_soon(row):
            return
        async with self._audit.pen(request_id) as pen:
            if row is None:
                await self._make_key(person, {**fields, "metadata": {METADATA: note}})
            else:
                kept = {
                    name: value for name, value in metadata_of(row).items() if name not in PER_MODEL
                }
                unlimited = dict.fromkeys((*BUDGET, *LIMITS))
                change = {**unlimited, **fields, "metadata": {**kept, METADATA: note}}
                await self._accounts.tell("/key/update", {"key": person.key_hash, **change})
            action: Action = "key.created" if row is None else "key.updated"
            await pen.write(person.user_id, action, person.rule, fields, person.key_hash)

    async def _make_key(self, person: Person, fields: Mapping[str, Any]) -> None:
        alias = f"token-{person.key_hash[:16]}"
        body = {"key": person.key, "user_id": person.user_id, "key_alias": alias, **fields}
        # refused where another replica was faster
        await self._accounts.tried("/key/generate", body)
        if await self._accounts.key(person.key_hash) is None:
            raise AccountRefused

    def _key(self, subject: str) -> str:
        text = f"gateway token key 1\0{self._issuer}\0{subject}".encode()
        mac = hmac.digest(self._secret, text, hashlib.sha256)
        return f"sk-{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _ends_soon(row: Row) -> bool:
    expires = row.get("expires")
    if not expires:
        return True
    return datetime.fromisoformat(expires) < datetime.now(UTC) + timedelta(days=RENEW_DAYS)
