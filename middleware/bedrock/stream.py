"""The chunks of a streamed chat completion as the events of ConverseStream.

A small state machine: which content block is open, and what is still to be said at the end. AWS's order
is kept exactly: `messageStart`; for each block its start (tools only), deltas and stop, with rising
indexes and never interleaved; `messageStop`; one `metadata`.
"""

from __future__ import annotations

from typing import Any

import orjson

from middleware.bedrock import eventstream
from middleware.bedrock.answer import blob, reads_an_answer, text
from middleware.bedrock.errors import BedrockError, ModelErrorException, from_litellm
from middleware.bedrock.response import (
    INTERVENED,
    echoes,
    selected,
    stop_reason,
    tool_input,
    tool_name,
    tool_use_id,
    usage,
)
from middleware.bedrock.tokens import Tokens
from middleware.chat.answer import Answer
from middleware.errors import ServiceError
from middleware.guardrails.blocked import Blocked

_MESSAGE_START = eventstream.event("messageStart", b'{"role":"assistant"}')
_DELTA = "contentBlockDelta"
_TEXT_DELTA = b'{"delta":{"text":"%b"},"contentBlockIndex":%d}'
_TEXT, _THOUGHT = "text", "thought"


class ConverseEvents:
    """Feed it chunks; it gives back the frames to send."""

    def __init__(self, request: dict[str, Any], answer: Answer | None = None) -> None:
        """Translate the answer to `request`; where `answer` is given, put it together there as well."""
        self._request = request
        self._answer = answer
        self._tokens = Tokens()
        self._started = False
        self._index = -1
        self._open: str | int | None = None
        self._arguments: dict[int, list[str]] = {}
        self._finish: str | None = None
        self._last: dict[str, Any] = {}
        self.ended = False

    @property
    def last(self) -> dict[str, Any]:
        """What the chunks said beside the answer; the usage as soon as it has come."""
        return self._last

    @property
    def cost(self) -> float | None:
        """Dollars, where LiteLLM has said so in the usage."""
        said = self._last.get("usage")
        cost = said.get("cost") if isinstance(said, dict) else None
        return float(cost) if isinstance(cost, int | float) else None

    def feed(self, data: bytes) -> bytes:
        """Frames for one event's data.

        Raises:
            ServiceError: the provider's error or a guardrail's, which LiteLLM sends inside a stream that has
                begun.
        """
        if self._open == _TEXT and (said := self._tokens.text(data)):
            return eventstream.event(_DELTA, _TEXT_DELTA % (said, self._index))
        return self._decoded(data)

    @reads_an_answer
    def _decoded(self, data: bytes) -> bytes:
        if data == b"[DONE]":
            return b""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise ModelErrorException from None
        if not isinstance(chunk, dict):
            raise ModelErrorException
        if "error" in chunk:
            raise _failure(chunk)
        if self._answer:
            self._answer.add(chunk)  # which needs all of it
        else:
            self._tokens.learn(data, chunk)
        frames = b"" if self._started else _MESSAGE_START
        self._started = True
        for choice in chunk.get("choices") or ():
            if delta := choice.get("delta"):
                frames += self._delta(delta)
            self._finish = choice.get("finish_reason") or self._finish
        if not self._last or chunk.get("usage"):
            self._last = {**self._last, **chunk}
        return frames

    @reads_an_answer
    def end(self, latency_ms: int) -> bytes:
        """The last frames: the open block's stop, `messageStop` and `metadata`.

        Raises:
            ModelErrorException: the stream broke off before the model had finished.
        """
        if self._finish is None:
            raise ModelErrorException("The model's answer broke off before its end.")
        self.ended = True
        malformed = any(tool_input("".join(parts)) is None for parts in self._arguments.values())
        reason = stop_reason(self._finish, bool(self._arguments), malformed, self._request)
        stop: dict[str, Any] = {"stopReason": reason}
        if paths := self._request.get("additionalModelResponseFieldPaths"):
            stop["additionalModelResponseFields"] = selected(self._last, paths)
        metadata = {
            "usage": usage(self._last.get("usage")),
            "metrics": {"latencyMs": latency_ms},
            **echoes(self._request, self._last),
        }
        return self._close() + _event("messageStop", stop) + _event("metadata", metadata)

    def intervene(self, message: str, latency_ms: int) -> bytes:
        """The frames that end a stream in which a guardrail intervenes: its words, and the reason."""
        frames = b"" if self._started else _MESSAGE_START
        self._started = True
        if self._open != _TEXT:
            frames += self._begin(_TEXT)
        frames += self._content({"text": message}) + self._close()
        metadata = {"usage": usage(self._last.get("usage")), "metrics": {"latencyMs": latency_ms}}
        stop = _event("messageStop", {"stopReason": INTERVENED})
        return frames + stop + _event("metadata", metadata)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        frames = b""
        thoughts = delta.get("thinking_blocks")
        if thoughts:
            for block in thoughts:
                frames += self._think(block)
        elif delta.get("reasoning_content"):
            frames += self._think({"thinking": delta["reasoning_content"]})
        if said := delta.get("content") or delta.get("refusal"):
            frames += self._begin(_TEXT) + self._content({"text": text(said)})
        for call in delta.get("tool_calls") or ():
            frames += self._call(call)
        return frames

    def _think(self, block: dict[str, Any]) -> bytes:
        frames = b""
        if block.get("thinking"):
            frames += self._reason({"text": text(block["thinking"])})
        if block.get("signature"):
            # a signature seals its block: what the model thinks after it is another one
            frames += self._reason({"signature": text(block["signature"])}) + self._close()
        if block.get("type") == "redacted_thinking" and block.get("data"):
            frames += (
                self._close()
                + self._reason({"redactedContent": blob(block["data"])})
                + self._close()
            )
        return frames

    def _reason(self, part: dict[str, Any]) -> bytes:
        return self._begin(_THOUGHT) + self._content({"reasoningContent": part})

    def _call(self, call: dict[str, Any]) -> bytes:
        number = call.get("index") or 0
        function = call.get("function") or {}
        frames = b""
        if number not in self._arguments:
            self._arguments[number] = []
            frames = self._begin(number)
            use = {
                "toolUseId": tool_use_id(call.get("id"), number),
                "name": tool_name(function.get("name")),
            }
            frames += _event(
                "contentBlockStart", {"start": {"toolUse": use}, "contentBlockIndex": self._index}
            )
        elif self._open != number:
            raise ModelErrorException("The model's tool calls arrived interleaved.")
        piece = text(function.get("arguments"))
        self._arguments[number].append(piece)
        return frames + self._content({"toolUse": {"input": piece}}) if piece else frames

    def _begin(self, block: str | int) -> bytes:
        if self._open == block:
            return b""
        frames = self._close()
        self._index += 1
        self._open = block
        return frames

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("contentBlockStop", {"contentBlockIndex": self._index})

    def _content(self, delta: dict[str, Any]) -> bytes:
        return _event(_DELTA, {"delta": delta, "contentBlockIndex": self._index})


def exception(error: BedrockError) -> bytes:
    """The frame that ends a stream in which `error` happened."""
    body: dict[str, Any] = {"message": error.message}
    if error.stream_event == "modelStreamErrorException":
        body |= {"originalStatusCode": error.status, "originalMessage": error.message}
    return eventstream.exception(error.stream_event, orjson.dumps(body))


def _event(name: str, body: dict[str, Any]) -> bytes:
    return eventstream.event(name, orjson.dumps(body))


def _failure(chunk: dict[str, Any]) -> ServiceError:
    error = chunk["error"]
    code = str(error.get("code") if isinstance(error, dict) else "")
    if isinstance(error, dict) and code == "400" and (blocked := Blocked.of(400, error)):
        return blocked
    return from_litellm(int(code) if code.isdigit() else 500, chunk)
