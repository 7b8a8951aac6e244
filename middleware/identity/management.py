"""LiteLLM's management API, for those who do not administer the gateway: their own keys, within their grant.

Whatever changes a key, a user, a team or what they may have is refused unless it is listed here, so that a
route that LiteLLM adds, or guards badly, gives nobody anything. Administrators pass.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from middleware.auth import KEY_HEADERS, Identity, Keys, sent_key
from middleware.caller import Caller
from middleware.errors import Forbidden, InvalidRequest
from middleware.identity import asked, clamp
from middleware.identity.accounts import UI_TEAM, Accounts, Answer, Row, limits_of, ours, with_key
from middleware.identity.audit import Action, Audit
from middleware.identity.grant import Grant
from middleware.identity.holder import Holder
from middleware.identity.policy import Policy
from middleware.identity.routes import HARMLESS, REGENERATE
from middleware.passthrough import (
    NOT_FORWARDED,
    NOT_RETURNED,
    forwarded_headers,
    relay,
    returned_headers,
)

log = logging.getLogger("middleware")
MAX_BODY = 2**20
_REQUEST = NOT_FORWARDED | {b"content-length", b"accept-encoding", b"content-type", *KEY_HEADERS}
_RESPONSE = NOT_RETURNED | {b"content-length"}


class Management:
    """An ASGI application for the requests to managed paths that do not only read."""

    def __init__(self, keys: Keys, accounts: Accounts, policy: Policy, audit: Audit) -> None:
        self._keys = keys
        self._accounts = accounts
        self._policy = policy
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(receive)
        identity = await self._keys.identify(scope)
        path = scope["path"].rstrip("/")
        if path in HARMLESS or await self._keys.may_write(identity):
            await relay(scope, caller, await caller.body(), send)
            return
        if scope["method"] != "POST":
            raise Forbidden
        regenerate = REGENERATE.fullmatch(path)
        if path == "/key/generate":
            await self._generate(scope, caller, send, identity)
        elif path == "/key/update":
            await self._change(scope, caller, send, identity, "key.updated")
        elif regenerate:
            await self._change(scope, caller, send, identity, "key.regenerated", regenerate["key"])
        else:
            raise Forbidden("Only an administrator of the gateway may do that.")

    async def _generate(self, scope: Scope, caller: Caller, send: Send, identity: Identity) -> None:
        wanted = asked.for_key(asked.decoded(await caller.whole(MAX_BODY)))
        holder = await self._holder(identity)
        with caller.watched():
            answer = await self.give_key(holder, wanted, sent_key(scope).decode("latin-1"), scope)
        await answered(answer, send)

    async def give_key(
        self, holder: Holder, wanted: asked.AskedKey, key: str, scope: Scope
    ) -> Answer:
        """Have LiteLLM make a key for its holder, with whose `key` it is asked to.

        Raises:
            Forbidden: the grant has nothing of what was asked for, or the holder has keys enough.
        """
        fields = holder.new_key(wanted)
        most = holder.grant.max_keys
        if most is not None and await self._accounts.count_keys(holder.user_id) >= most:
            raise Forbidden(f"You have {most} keys, which is as many as you may. Delete one first.")
        return await self._sent(holder, scope, "/key/generate", key, fields, "key.created")

    async def _change(
        self,
        scope: Scope,
        caller: Caller,
        send: Send,
        identity: Identity,
        action: Action,
        named: str | None = None,
    ) -> None:
        body = asked.decoded(await caller.whole(MAX_BODY))
        key = (
            named
            or body.pop("key", None)
            or (None if action == "key.updated" else identity.key_hash)
        )
        if not isinstance(key, str) or scope["query_string"]:
            raise InvalidRequest("Name the key in `key`.")
        holder = await self._holder(identity)
        hashed = key_hash(key)
        row = await self._accounts.key(hashed)
        if row is None or row.get("user_id") != holder.user_id:
            raise Forbidden("You have no such key.")
        wanted = asked.for_change(body, {**row, "token": hashed})
        if wanted.user_id is not None or wanted.team_id not in (None, *holder.teams):
            raise Forbidden("A key stays with its user, and goes to no team but that user's own.")
        fields = clamp.changed_key(wanted, holder.grant, row)
        if wanted.team_id is not None:
            fields["team_id"] = wanted.team_id
        fields["key"] = hashed
        path = "/key/update"
        if action == "key.regenerated":
            path = f"/key/{quote(hashed, safe='')}/regenerate"
        sender = sent_key(scope).decode("latin-1")
        with caller.watched():
            answer = await self._sent(holder, scope, path, sender, fields, action)
        await answered(answer, send)

    async def _holder(self, identity: Identity) -> Holder:
        """Who has the key, and the most that it may hand on: what its user may have, and it has itself."""
        if identity.user_id is None:
            raise Forbidden("This key has no user, so it may not make or change keys.")
        user = await self._accounts.user(identity.user_id)
        row = await self._accounts.key(identity.key_hash)
        if user is None or row is None:
            raise Forbidden
        rule, grant = self._granted(user)
        grant = grant.meet(limits_of(user))
        if row.get("team_id") != UI_TEAM:  # the UI's own keys have limits that are not their user's
            grant = grant.meet(limits_of(row))
        return Holder(user, rule, grant)

    def _granted(self, user: Row) -> tuple[str | None, Grant]:
        noted = ours(user).get("rule")
        if noted is None:
            return None, self._policy.internal_users or Grant()
        rule = self._policy.named(noted)
        if rule is None:
            raise Forbidden("The gateway's policy grants nothing to you any more. Sign in again.")
        return rule.name, self._policy.granted(rule)

    async def _sent(
        self,
        holder: Holder,
        scope: Scope,
        path: str,
        key: str,
        fields: Mapping[str, Any],
        action: Action,
    ) -> Answer:
        """Ask LiteLLM as the holder, and record what came of it before anybody learns of it."""
        headers = forwarded_headers(scope, _REQUEST)
        headers += with_key(key)
        async with self._audit.pen(scope["state"]["exchange"].request_id) as pen:
            answer = await self._accounts.post(path, fields, headers)
            if answer.status == 200:
                given = answer.json()
                hashed = given.get("token_id") or given.get("token") or fields.get("key")
                granted = {name: value for name, value in fields.items() if name != "key"}
                try:
                    await pen.write(
                        holder.user_id, action, holder.rule, granted, key_hash(str(hashed))
                    )
                except Exception:
                    if action == "key.created":
                        await self._accounts.tried("/key/delete", {"keys": [hashed]})
                    raise
        return answer


def key_hash(key: str) -> str:
    """The hash by which LiteLLM knows a key, of the key or of the hash itself."""
    return hashlib.sha256(key.encode()).hexdigest() if key.startswith("sk-") else key


async def answered(answer: Answer, send: Send) -> None:
    """Hand LiteLLM's answer on."""
    headers = returned_headers(answer.headers, _RESPONSE)
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
