"""The body of a chat completion: what of it is this gateway's, the rest as it came."""

from __future__ import annotations

from typing import Any

import orjson

from middleware.admission.priority import taken_from
from middleware.errors import InvalidRequest
from middleware.experiments.trial import Trial, instructed
from middleware.history.wish import Wish
from middleware.json_object import ask_for_usage, encoded

Message = dict[str, Any]
CHAT = "/v1/chat/completions"
# Providers that can store a completion; the others refuse to be told not to.
_CAN_STORE = frozenset(("openai", "azure", "azure_ai"))


class ChatRequest:
    """A request that has been read. `fields` is the body without what only this gateway understands."""

    def __init__(self, body: bytes, model_in_path: str) -> None:
        """Read a body.

        Raises:
            InvalidRequest: it is no JSON object, or a field of this gateway's has a wrong type.
        """
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"The request body is not valid JSON: {error}.") from None
        if not isinstance(fields, dict):
            raise InvalidRequest("The request body must be a JSON object.")
        self.fields: dict[str, Any] = fields
        self.model_in_path = model_in_path
        self.model = model_in_path or fields.get("model")
        before = len(fields)
        self.wish = Wish.taken_from(fields)
        self.priority = taken_from(fields)
        self.variables = fields.pop("promptVariables", None)
        self.target = ""
        """The path to send it to, where that is not the one it came to."""
        self._is_changed = len(fields) != before
        self._instruction: list[Message] = []
        if fields.get("store") is False and self.wish.enable is None:
            self.wish = Wish(self.wish.session_id, enable=False)

    @property
    def is_stream(self) -> bool:
        return bool(self.fields.get("stream"))

    @property
    def may_name_prompt(self) -> bool:
        """Whether the model may be a prompt's ARN, which takes a while to find."""
        return isinstance(self.model, str) and self.model.startswith("arn:")

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        count = self.fields.get("n")
        return count if type(count) is int and count > 0 else 1

    def messages(self) -> list[Message]:
        """The messages. Raises `InvalidRequest` where they are none."""
        messages = self.fields.get("messages")
        if not isinstance(messages, list) or not messages:
            raise InvalidRequest("messages must be a list of at least one message.")
        for message in messages:
            if not isinstance(message, dict) or not isinstance(message.get("role"), str):
                raise InvalidRequest("Each of the messages must be an object with a role.")
        return messages[len(self._instruction) :]

    def show(self, messages: Any) -> None:
        """Have the model see these messages, a list or the JSON of one, behind the instruction of an arm."""
        self.set("messages", instructed(self._instruction, messages))

    def encoded(self, body: bytes) -> bytes:
        """The body to send: the caller's own bytes, unless something in it had to change."""
        return encoded(self.fields) if self._is_changed else body

    def rewrite(self) -> None:
        """Have sent what was read here, and nothing that somebody else could read in another way."""
        self._is_changed = True

    def set(self, name: str, value: Any) -> None:
        self.fields[name] = value
        self._is_changed = True

    def serve_by(self, model: str) -> None:
        """Name another model than the caller did, wherever that was."""
        self.set("model", model)
        self.target = CHAT

    def take(self, prompt: dict[str, Any]) -> None:
        """Put a prompt's body in the place of the messages; the caller's own parameters count."""
        own = {
            name: value for name, value in self.fields.items() if name not in ("messages", "model")
        }
        self.fields = {**prompt, **own}
        self.serve_by(prompt["model"])

    def try_out(self, trial: Trial) -> None:
        """Have an arm's parameters, and its instruction before the messages, of which it is none."""
        trial.apply(self.fields)
        self._is_changed = True
        messages = self.fields.get("messages")
        if trial.instruction and isinstance(messages, list):
            self._instruction = trial.instruction
            self.show(messages)

    def want_usage(self) -> bool:
        """Ask for the usage at the end of the stream; False where the caller has done so."""
        asked = ask_for_usage(self.fields)
        self._is_changed |= asked
        return asked

    def forget_store(self, providers: frozenset[str]) -> None:
        """Take `store: false` away from providers that never store, and refuse the parameter."""
        if self.fields.get("store") is False and not providers <= _CAN_STORE:
            del self.fields["store"]
            self._is_changed = True
