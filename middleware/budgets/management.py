"""LiteLLM's endpoints for users and keys, as far as budgets per model are set, shown and taken away by them.

`model_max_budget` is taken out of what LiteLLM is sent, which would ask for a licence, and put back into what
it answers. A new key reaches nobody before its budgets are written: where they cannot be, the answer is an
error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.again import again
from middleware.auth import Keys
from middleware.budgets.answer import Answer
from middleware.budgets.budgets import Budgets
from middleware.budgets.errors import BudgetsUnavailable, InvalidBudget
from middleware.budgets.limits import key, user
from middleware.budgets.owners import Body, hashed, owner_of, rows
from middleware.budgets.statement import statements
from middleware.budgets.wish import FIELD, wanted
from middleware.caller import MAX_BODY, Caller
from middleware.errors import Forbidden, Unauthenticated

_SHOWN = frozenset(
    ("/user/info", "/v2/user/info", "/user/list", "/key/info", "/v2/key/info", "/key/list")
)
_SET = frozenset(
    ("/user/new", "/user/update", "/key/generate", "/key/service-account/generate", "/key/update")
)
_TAKEN = frozenset(("/user/delete", "/key/delete"))
_REGENERATED = re.compile(r"/key/(?:(?P<key>[^/]+)/)?regenerate")
_NOT_SENT = frozenset((b"accept-encoding", b"content-length"))


def manages(scope: Scope) -> bool:
    """Whether a request is for one of these endpoints."""
    path = _path(scope)
    if not path.startswith(("/user/", "/key/", "/v2/")):
        return False
    known = path in _SHOWN or path in _SET or path in _TAKEN
    return known or _REGENERATED.fullmatch(path) is not None


class Management:
    """Stands before whatever serves these endpoints."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        budgets: Budgets = scope["app"].state.budgets
        if _path(scope) in _SHOWN:
            await self._show(scope, receive, send, budgets)
        else:
            await self._change(scope, receive, send, budgets)

    async def _show(self, scope: Scope, receive: Receive, send: Send, budgets: Budgets) -> None:
        try:
            has_any = await budgets.register.known()
        except BudgetsUnavailable:
            has_any = False
        if not has_any:
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        await _told(budgets, answer)
        await answer.send(send)

    async def _change(self, scope: Scope, receive: Receive, send: Send, budgets: Budgets) -> None:
        caller = Caller(receive)
        data = await caller.whole(MAX_BODY)
        body = _object(data)
        given = None
        if body is not None and FIELD in body:
            given = body.pop(FIELD)
            data = orjson.dumps(body)
        is_given = given is not None and await _allowed(scope, given)
        asked = wanted(given, budgets.standard_period)
        if is_given:
            if _path(scope) == "/user/update" and not (body or {}).get("user_id"):
                raise InvalidBudget(f"user_id is needed with {FIELD}.")
            await budgets.register.known()
            await budgets.books.appear()  # what cannot be written is not to be asked for
        answer = await self._answer(_sized(scope, data), again(data, receive))
        if answer.status == 200:
            await self._write(scope, budgets, body or {}, answer, asked if is_given else None)
            await _told(budgets, answer)
        await answer.send(send)

    async def _write(
        self,
        scope: Scope,
        budgets: Budgets,
        body: Body,
        answer: Answer,
        asked: Mapping[str, Any] | None,
    ) -> None:
        path, register = _path(scope), budgets.register
        if path in _TAKEN:
            names = [user(each) for each in _texts(body.get("user_ids"))]
            await register.remove(
                [*names, *(key(hashed(each)) for each in _texts(body.get("keys")))]
            )
            return
        if regenerated := _REGENERATED.fullmatch(path):
            old = unquote(regenerated["key"] or "") or body.get("key")
            new = answer.body.get("key")
            if isinstance(new, str):
                await register.take_over(key(await _old(scope, old)), key(hashed(new)))
        if asked is None:
            return
        owner = owner_of(path, body, answer.body)
        if owner is None:
            raise BudgetsUnavailable(
                "LiteLLM did not say whose the budgets are; they are not kept."
            )
        await register.put(owner, asked)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        answer = Answer()
        kept = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        await self._app({**scope, "headers": kept}, receive, answer.take)
        return answer


async def _allowed(scope: Scope, given: Any) -> bool:
    """Whether the caller may give budgets; for others an empty object says nothing, as LiteLLM's UI sends it.

    Raises:
        Forbidden: somebody who is no administrator asks for budgets.
    """
    keys: Keys = scope["app"].state.keys
    try:
        if await keys.is_admin(await keys.identify(scope)):
            return True
    except Unauthenticated:
        pass  # a token of somebody's, or nothing: whoever serves the endpoint says what it is good for
    if given != {}:
        raise Forbidden(f"Only an administrator may set {FIELD}.")
    return False


async def _told(budgets: Budgets, answer: Answer) -> None:
    """Put the budgets of everybody in an answer into it."""
    told = [(owner, row) for owner, row in rows(answer.decoded) if budgets.register.of_owner(owner)]
    if answer.status != 200 or not told:
        return
    found = await statements(budgets.register, budgets.books, {owner for owner, _ in told})
    for owner, row in told:
        row[FIELD] = found[owner]
        row["model_max_budget_usage"] = {
            model: {
                "current_spend": used["spent"],
                "budget_limit": used["budget_limit"],
                "time_period": used["time_period"],
            }
            for model, used in found[owner].items()
        }
    answer.changed()


async def _old(scope: Scope, given: Any) -> str:
    """The hash of the key that is replaced: the one that is named, or the caller's own."""
    if isinstance(given, str) and given:
        return hashed(given)
    keys: Keys = scope["app"].state.keys
    return (await keys.identify(scope)).key_hash


def _object(data: bytes) -> Body | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _texts(given: Any) -> list[str]:
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []


def _path(scope: Scope) -> str:
    return str(scope["path"]).rstrip("/")


def _sized(scope: Scope, data: bytes) -> Scope:
    kept = [pair for pair in scope["headers"] if pair[0] not in _NOT_SENT]
    return {**scope, "headers": [*kept, (b"content-length", b"%d" % len(data))]}
