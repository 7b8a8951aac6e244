"""An answer of LiteLLM's that is read, and may be changed, before it goes on."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import Message, Send


class Answer:
    """Taken piece by piece, and sent as a whole."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._pieces: list[bytes] = []
        self._decoded: Any = None

    @property
    def status(self) -> int:
        """0 where there is none."""
        return int(self._start.get("status", 0))

    @property
    def decoded(self) -> Any:
        """Its JSON; empty where it has none."""
        if self._decoded is None:
            try:
                self._decoded = orjson.loads(b"".join(self._pieces))
            except orjson.JSONDecodeError:
                self._decoded = ()
        return self._decoded

    @property
    def body(self) -> dict[str, Any]:
        """The decoded object; empty where it is none."""
        return self.decoded if isinstance(self.decoded, dict) else {}

    def changed(self) -> None:
        """Have what was decoded, and is another thing now, take the place of what was answered."""
        self._pieces = [orjson.dumps(self._decoded)]

    async def take(self, message: Message) -> None:
        """A `send` for whoever answers."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._pieces.append(message.get("body", b""))

    async def send(self, send: Send) -> None:
        """Let it go on, if there is one."""
        if not self._start:
            return  # the caller has left
        data = b"".join(self._pieces)
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", b"%d" % len(data)))
        await send({**self._start, "headers": headers})
        await send({"type": "http.response.body", "body": data, "more_body": False})
