"""The first that a request comes to: what could be read in two ways, or is too much, goes no further."""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from middleware.again import Again, again
from middleware.bedrock import errors, paths
from middleware.budgets import routes
from middleware.caller import MAX_BODY, Caller
from middleware.errors import (
    RequestTooLarge,
    ServiceError,
    render_anthropic,
    render_openai,
)
from middleware.guard import Guard, Render
from middleware.guardrails.checking import goes_on_unread
from middleware.guardrails.forms import content_type, is_form, is_large, is_urlencoded
from middleware.identity.routes import meaning
from middleware.intake.addresses import AllowedHosts, may_have_one, refuse_crowded
from middleware.intake.errors import AddressRefused, EncodingRefused, HeadersTooLarge
from middleware.intake.forms import fields_of, hides_signs, may_be_form
from middleware.intake.spelling import refuse_misspelt
from middleware.passthrough import raw_path
from middleware.settings import Settings

_WITHOUT_BODY = frozenset(("GET", "HEAD", "OPTIONS"))
_ENCODING, _PLAIN = b"content-encoding", (b"", b"identity")
_ANTHROPICS = re.compile(r"/v1/messages(?:/|$)")
_CONVERSE = ("converse", "converse-stream")
_PASSED_ON = ("additionalModelRequestFields",)


class Intake:
    """Stands before everything that serves."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = AllowedHosts(settings.address_hosts)
        self._most_headers = settings.max_headers
        self._most_header_bytes = settings.max_header_bytes
        self._most_body = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._look_at(scope)
        except ServiceError as error:
            await refuse(error, scope, receive, send)
            return
        await self._serve(scope, receive, send)

    def _look_at(self, scope: Scope) -> None:
        """Refuse what can be refused by the head of a request."""
        raw: bytes = scope.get("raw_path", b"")
        refuse_misspelt(raw.partition(b"?")[0] if b"?" in raw else raw)
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum([len(name) + len(value) for name, value in headers])
        if len(headers) > self._most_headers or size > self._most_header_bytes:
            raise HeadersTooLarge(
                f"The gateway reads {self._most_headers} headers of {self._most_header_bytes} bytes in all."
            )
        known = dict(headers)
        if _ENCODING in known and any(
            value.strip().lower() not in _PLAIN for name, value in headers if name == _ENCODING
        ):
            raise EncodingRefused
        length = known.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._most_body:
            raise too_large(self._most_body)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        try:
            first = await receive()
        except ServiceError as error:  # a head, and then nothing
            await refuse(error, scope, receive, send)
            return
        if first["type"] == "http.request" and not first.get("more_body"):
            body: bytes = first.get("body", b"")
            try:
                await self._refuse_body(scope, body)
            except ServiceError as error:
                await refuse(error, scope, receive, send)
                return
            await self._app(scope, again(body, receive), send)
            return
        await self._serve_in_pieces(scope, Again(first, receive), send)

    async def _serve_in_pieces(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body that does not come at once is read whole where it is looked at, else counted on its way."""
        is_looked_at = _is_read_as_json(scope) or is_urlencoded(scope)
        if is_looked_at or (is_form(scope) and not is_large(scope)):

            async def read(scope: Scope, receive: Receive, send: Send) -> None:
                body = await Caller(receive).whole(min(MAX_BODY, self._most_body))
                await self._refuse_body(scope, body)
                await self._app(scope, again(body, receive), send)

            await Guard(read, render_for(scope))(scope, receive, send)
            return
        counted = _Counted(receive, send, self._most_body)
        await self._app(scope, counted.receive, counted.send)
        if counted.is_over:
            await refuse(too_large(self._most_body), scope, receive, send)

    async def _refuse_body(self, scope: Scope, body: bytes) -> None:
        if len(body) > self._most_body:
            raise too_large(self._most_body)
        # an administrator says where LiteLLM finds what it needs; nobody else gets past these paths
        if (may_have_one(body) or hides_signs(scope)) and not meaning(scope["path"]).is_managed:
            await self._refuse_addresses(scope, body)

    async def _refuse_addresses(self, scope: Scope, body: bytes) -> None:
        if may_be_form(scope):
            self._hosts.refuse(await fields_of(scope, body))
        # whatever it is called: several interfaces read JSON then, too
        refuse_crowded(body)
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            if _is_read_as_json(scope):
                # LiteLLM repairs some of what is no JSON, and would read what was not looked at
                raise AddressRefused("The request body is not valid JSON.") from None
            return
        self._hosts.refuse(_fetched_for(scope, fields))


class _Counted:
    """Ends a body that is larger than it may be, and with it the request."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send = receive, send
        self._left = most
        self._has_begun = False

    @property
    def is_over(self) -> bool:
        """Whether the body was too large, and nobody has been told yet."""
        return self._left < 0 and not self._has_begun

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._left < 0 else message

    async def send(self, message: Message) -> None:
        if self._left < 0 and not self._has_begun:
            return  # what the half of a body was answered with
        self._has_begun = True
        await self._send(message)


def render_for(scope: Scope) -> Render:
    """How the interface that a request is for renders errors."""
    path: str = scope["path"]
    if path.startswith(f"{paths.PREFIX}/"):
        return errors.render
    return render_anthropic if _ANTHROPICS.search(path) else render_openai


async def refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with an error, in its own protocol."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return

    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    scope["state"]["exchange"].status = 0
    await Guard(raising, render_for(scope))(scope, receive, send)


def too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request is larger than {most} bytes.")


def _fetched_for(scope: Scope, fields: Any) -> Any:
    """What of a body may have addresses: by Converse's own members its translation lets none through."""
    if not isinstance(fields, dict) or not scope["path"].startswith(paths.PREFIX):
        return fields
    target = paths.parse(raw_path(scope))
    if target is None:
        return fields
    if target.action == "count-tokens":
        # the other body that it may have is looked at where it is decoded
        given = fields.get("input")
        fields = given.get("converse") if isinstance(given, dict) else None
        fields = fields if isinstance(fields, dict) else {}
    elif target.action not in _CONVERSE:
        return fields
    return {name: fields[name] for name in _PASSED_ON if name in fields}


def _is_json(scope: Scope) -> bool:
    kind = content_type(scope)
    return not kind or b"json" in kind


def _is_read_as_json(scope: Scope) -> bool:
    """Whether LiteLLM reads the body as JSON: on paths of calls it does so whatever the body is called."""
    if is_form(scope):
        return False
    return _is_json(scope) or (routes.of(scope) is not None and not goes_on_unread(scope))
