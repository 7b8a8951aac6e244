"""How long LiteLLM may stay silent, without a timer for every piece of a stream.

aiohttp cancels its timer and sets another one whenever something arrives, which is every token
of a stream. Here a timer that goes off looks when something came last, and waits for the rest of the time.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler


class Connector(aiohttp.TCPConnector):
    """aiohttp's, whose connections take the time in this way."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast("partial[ResponseHandler]", partial(_Connection, loop=self._loop))


class _Connection(ResponseHandler):
    _silent_since = 0.0
    _looks_at = 0.0

    def _reschedule_timeout(self) -> None:
        if not self._read_timeout:
            self._drop_timeout()
            return
        self._silent_since = self._loop.time()
        ends_at = self._silent_since + self._read_timeout
        if self._read_timeout_handle is None or ends_at < self._looks_at:
            self._drop_timeout()
            self._look_at(ends_at)

    def _look_at(self, moment: float) -> None:
        self._looks_at = moment
        self._read_timeout_handle = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        self._read_timeout_handle = None
        ends_at = self._silent_since + (self._read_timeout or 0)
        if ends_at > self._loop.time():
            self._look_at(ends_at)
        else:
            self._on_read_timeout()
