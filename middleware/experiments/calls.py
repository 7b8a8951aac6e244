"""A call of an experiment on each interface: what it says of itself, and how an arm is called instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.admission.priority import LAST
from middleware.budgets import routes
from middleware.budgets.metering import as_json
from middleware.experiments.definition import PREFIX, Arm
from middleware.experiments.records import Interface
from middleware.history.wish import Wish
from middleware.json_object import Fields, ask_for_usage, encoded

CHAT = "/v1/chat/completions"
_FIELDS = "additionalModelRequestFields"
_BEGINNING = b'"experiment'
_MENTIONED = re.compile(rb'"experiment\\?/')


@dataclass(frozen=True, slots=True)
class Made:
    """A call of an arm: the application that serves it, and what it is to be served with."""

    app: ASGIApp
    scope: Scope
    body: bytes
    hides_usage: bool = False


class Called(Protocol):
    """A call whose model is an experiment."""

    scope: Scope
    receive: Receive
    send: Send
    interface: Interface
    name: str
    """The experiment's."""
    streamed: bool
    end_user: Any
    """Whom the call says to be made for."""
    wish: Wish

    def made(self, arm: Arm, *, counted: bool, shadow: bool = False) -> Made:
        """The same call of an arm's model.

        Args:
            arm: to call.
            counted: whether what is used has to be known at the end.
            shadow: whether it is made for nobody: kept nowhere, and after all others.
        """


class ChatCall:
    """A chat completion."""

    interface: Interface = "openai"

    def __init__(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, fields: Fields, name: str
    ) -> None:
        self._app = app
        self._fields = fields
        self.scope, self.receive, self.send = scope, receive, send
        self.name = name
        self.streamed = bool(fields.get("stream"))
        self.end_user = fields.get("user")
        self.wish = Wish.taken_from(dict(fields))
        if fields.get("store") is False and self.wish.enable is None:
            self.wish = Wish(self.wish.session_id, enable=False)

    def made(self, arm: Arm, *, counted: bool, shadow: bool = False) -> Made:
        """The same call of an arm's model."""
        fields = {**self._fields, "model": arm.model}
        hides_usage = counted and self.streamed and ask_for_usage(fields)
        if shadow:
            _unkept(fields)
        # without the query, whose model LiteLLM would take for the body's
        where: Scope = {"path": CHAT, "raw_path": CHAT.encode(), "query_string": b""}
        scope = {**as_json(self.scope), **where}
        return Made(self._app, scope, encoded(fields), hides_usage)


class ConverseCall:
    """A Converse or ConverseStream request."""

    interface: Interface = "bedrock"

    def __init__(
        self,
        app: Callable[[str], ASGIApp],
        scope: Scope,
        receive: Receive,
        send: Send,
        fields: Fields,
        name: str,
        *,
        streamed: bool,
    ) -> None:
        self._app = app
        self._fields = fields
        self.scope, self.receive, self.send = scope, receive, send
        self.name = name
        self.streamed = streamed
        metadata, more = fields.get("requestMetadata"), fields.get(_FIELDS)
        self.end_user = metadata.get("user") if isinstance(metadata, dict) else None
        self.wish = Wish.taken_from(dict(more)) if isinstance(more, dict) else Wish()

    def made(self, arm: Arm, *, counted: bool, shadow: bool = False) -> Made:
        """The same call of an arm's model."""
        fields = dict(self._fields)
        if shadow:
            fields[_FIELDS] = dict(fields.get(_FIELDS) or {})
            _unkept(fields[_FIELDS])
        return Made(self._app(arm.model), self.scope, encoded(fields))


def mentions_one(model_in_path: str, body: bytes) -> bool:
    """Whether a chat completion may be an experiment's; asked of every call, so it costs next to nothing."""
    return model_in_path.startswith(PREFIX) or (
        _BEGINNING in body and _MENTIONED.search(body) is not None
    )


def named_in(scope: Scope, model_in_path: str, body: bytes) -> tuple[str, Fields] | None:
    """The experiment that a chat completion names in its path or its body, and the decoded body.

    Raises:
        CostUnknown: path, query and body name different models, of which one is an experiment.
    """
    if not mentions_one(model_in_path, body):
        return None
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        return None
    model = model_in_path or fields.get("model")
    if not isinstance(model, str) or not model.startswith(PREFIX):
        return None
    routes.only_model(model_in_path, scope, fields)
    return model.removeprefix(PREFIX), fields


def _unkept(fields: Fields) -> None:
    if fields.get("session_id") is None:
        fields["enable_history"] = False
    fields["priority"] = LAST
