"""`POST /user/new` with a token: its subject becomes a user, and is given a key each time it asks."""

from __future__ import annotations

from dataclasses import replace

import orjson
from starlette.types import Receive, Scope, Send

from middleware.caller import Caller
from middleware.errors import Forbidden
from middleware.identity import asked
from middleware.identity.bearer import Bearers, with_key
from middleware.identity.holder import Holder
from middleware.identity.management import MAX_BODY, Management, answered
from middleware.identity.people import Person

PATH = "/user/new"


class SignUp:
    """An ASGI application for that one request."""

    def __init__(self, bearers: Bearers, management: Management) -> None:
        self._bearers = bearers
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(receive)
        wanted = asked.for_user(asked.decoded(await caller.whole(MAX_BODY)))
        with caller.watched():
            person = await self._bearers.person(scope)
            _check(wanted, person)
            holder = Holder(person.user, person.rule, person.grant)
            answer = await self._management.give_key(
                holder, wanted, person.key, with_key(scope, person.key)
            )
        if answer.status == 200:
            user = {
                name: person.user.get(name) for name in ("user_email", "user_role", "user_alias")
            }
            teams = sorted(holder.teams) or None
            body = orjson.dumps({**answer.json(), **user, "teams": teams})
            answer = replace(answer, body=body)
        await answered(answer, send)


def _check(wanted: asked.AskedUser, person: Person) -> None:
    """Refuse what would be of another user, or more of this one, instead of giving less in silence."""
    if {wanted.user_id, wanted.user_email} - {None, person.user_id, person.user.get("user_email")}:
        raise Forbidden("A token makes a user of its own subject only.")
    if wanted.user_role not in (None, person.user.get("user_role")):
        raise Forbidden(f"The policy's role for you is {person.user.get('user_role')}.")
    if not set(wanted.teams or ()) <= set(person.user.get("teams") or ()):
        raise Forbidden("The policy makes you a member of none but its own teams.")
