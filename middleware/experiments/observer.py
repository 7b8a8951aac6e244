"""Reads in passing what came of a call, on its way to the caller: an ASGI `send` of either interface."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import orjson
from starlette.types import Message, Send

from middleware.bedrock import eventstream
from middleware.chat.usage import WithoutUsage
from middleware.experiments.records import Outcome
from middleware.experiments.trial import Heard
from middleware.sse import EventParser

CALLER_LEFT = 499
_EVENTS = b"text/event-stream"
_FRAMES = eventstream.CONTENT_TYPE.encode()
# content, or what a tool is called with, that is not empty
_CONTENT = re.compile(rb'"(?:content|reasoning_content|refusal|arguments|thinking)": ?"[^"]')
_DELTA, _EXCEPTION = b"contentBlockDelta", b":exception-type"


class Observer:
    """Every byte goes on as it is, but for a usage that only this gateway asked for."""

    def __init__(self, send: Send, heard: Heard, *, began: float, hides_usage: bool) -> None:
        """Observe one call.

        Args:
            send: the ASGI server's.
            heard: where the usage is noted; a Bedrock stream has it noted by whoever translates it.
            began: when it was assigned, by `time.perf_counter`.
            hides_usage: whether to leave out the usage, which the caller has not asked for.
        """
        self._send = send
        self._heard = heard
        self._began = began
        self._hiding = WithoutUsage() if hides_usage else None
        self._status = 0
        self._kind = b""
        self._said: dict[bytes, bytes] = {}
        self._parser = EventParser()
        self._whole: list[bytes] = []
        self._first: float | None = None
        self._last: float | None = None
        self._failed = self._done = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._said = dict(message["headers"])
            self._status = message["status"]
            self._kind = self._said.get(b"content-type", b"").partition(b";")[0]
            await self._send(message)
            return
        piece, more = message.get("body", b""), message.get("more_body", False)
        if self._kind == _EVENTS:
            for data in self._parser.feed(piece):
                self._event(data)
            if not more and not self._done:
                self._failed = True  # it ended in the middle
            if self._hiding:
                piece = self._hiding.feed(piece, more=more)
        elif self._kind == _FRAMES:
            if self._first is None and _DELTA in piece:
                self._first = time.perf_counter()
            self._failed = self._failed or _EXCEPTION in piece
        else:
            self._whole.append(piece)
        if piece or not more:
            await self._send({**message, "body": piece})
        if not more and not self._done:
            self._last = time.perf_counter()

    def outcome(self, number: int, raised: int | None) -> Outcome:
        """What came of it.

        Args:
            number: of the exposure.
            raised: the status with which it ended otherwise than by an answer that came to its end.
        """
        if raised == CALLER_LEFT and self._done:
            raised = None  # clients close the connection upon [DONE], before the server has
        if self._kind not in (_EVENTS, _FRAMES):
            self._read_whole()
        status = raised or self._status
        failed = status != CALLER_LEFT and (
            raised is not None
            or status >= 400
            or self._failed
            or self._heard.is_blocked
            or self._last is None
        )
        is_well = not failed and self._last is not None
        heard = self._heard
        return Outcome(
            number=number,
            ended_at=datetime.now(UTC),
            status=status,
            failed=failed,
            latency_ms=self._since(self._last) if is_well else None,
            ttft_ms=self._since(self._first),
            input_tokens=heard.count("prompt_tokens"),
            output_tokens=heard.count("completion_tokens"),
            cost_usd=heard.cost if heard.cost is not None else self._cost(),
            served_model=self._text(b"x-litellm-model-group") or heard.model,
            fell_back=self._text(b"x-litellm-attempted-fallbacks") not in (None, "0"),
        )

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._done, self._last = True, time.perf_counter()
            return
        if self._first is None and _CONTENT.search(data):
            self._first = time.perf_counter()
        if b'"usage"' not in data and b'"error"' not in data:
            return
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        self._heard.take(chunk)
        self._failed = self._failed or (isinstance(chunk, dict) and bool(chunk.get("error")))

    def _read_whole(self) -> None:
        # Converse says the same in other words; what LiteLLM said was noted there
        body = b"".join(self._whole)
        if b'"usage"' in body and not self._heard.usage:
            try:
                self._heard.take(orjson.loads(body))
            except orjson.JSONDecodeError:
                return

    def _cost(self) -> float | None:
        try:
            return float(self._said[b"x-litellm-response-cost"])
        except (KeyError, ValueError):
            return None

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else (moment - self._began) * 1000

    def _text(self, name: bytes) -> str | None:
        value = self._said.get(name)
        return value.decode("latin-1") if value else None
