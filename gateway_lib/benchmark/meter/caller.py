"""One request: sent, waited for, and its record filled in."""

from __future__ import annotations

import asyncio
import time

from gateway_lib.benchmark.meter import answer_headers
from gateway_lib.benchmark.meter.connection import Answer, Broken
from gateway_lib.benchmark.meter.reading import Pieces, Reading, answer_hash, refusal_text
from gateway_lib.benchmark.meter.session import Session
from gateway_lib.benchmark.meter.wires import Wire
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.benchmark.records.table import Record

_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of taking an answer apart that has another shape than the interface's."""


class Caller:
    """Sends requests, each at once; moments count from an origin."""

    def __init__(self, spec: Spec, wire: Wire, session: Session) -> None:
        """Send over `session` what `wire` makes of `spec`, counting from now on."""
        self._spec = spec
        self._wire = wire
        self._session = session
        self._places = asyncio.Semaphore(spec.connections) if spec.connections else None
        self.zero = 0.0
        self.count_from(time.time())

    def count_from(self, origin: float) -> None:
        """Let moments count from an instant, in seconds since 1970."""
        self.zero = time.perf_counter() - (time.time() - origin)

    def now(self) -> float:
        """Seconds since the origin."""
        return time.perf_counter() - self.zero

    async def call(self, record: Record, request: bytes) -> None:
        """Send a request and fill in its record; a failure is a result, not an exception."""
        if self._places is None:
            await self._call(record, request)
        else:
            async with self._places:
                await self._call(record, request)

    async def _call(self, record: Record, request: bytes) -> None:
        answer = Answer()
        failure: tuple[str, str] | None = None
        record.sent_s = self.now()
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                await self._session.send(request, answer)
        except TimeoutError:
            failure = ("timeout", f"no whole answer within {self._spec.timeout_s:g} s")
        except (Broken, OSError) as error:
            kind = "connection" if answer.status is None else "incomplete"
            failure = (kind, str(error) or type(error).__name__)
        record.done_s = self.now()
        if answer.headers_at is not None:
            record.status, record.first_byte_s = answer.status, answer.headers_at - self.zero
            answer_headers.take(record, answer.headers)
        pieces = [(moment - self.zero, piece) for moment, piece in answer.pieces]
        if record.status is not None and record.status != 200:
            said = refusal_text(b"".join(piece for _, piece in pieces))
            record.error_kind, record.error = f"http_{record.status}", said
            return
        reading = self._read(pieces)
        if failure is not None:
            reading.error_kind, reading.error = failure
        elif reading.error_kind is None:
            record.done_s = pieces[-1][0]  # not when this coroutine came to run again
        self._understand(record, reading)
        if record.ok:
            answer_headers.take_cost(record, answer.headers, reading.cost_usd)

    def _read(self, pieces: Pieces) -> Reading:
        try:
            return self._wire.read(pieces)
        except _UNREADABLE as error:
            return Reading(error_kind="malformed", error=f"{type(error).__name__}: {error}"[:300])

    def _understand(self, record: Record, reading: Reading) -> None:
        record.error_kind, record.error = reading.error_kind, reading.error
        record.ok = reading.error_kind is None
        record.chunks = len(reading.moments)
        if reading.moments:
            record.first_token_s, record.last_token_s = reading.moments[0], reading.moments[-1]
            record.itl_p50_ms, record.itl_max_ms = reading.gaps_ms()
            record.answer_hash = answer_hash(reading.text)
            record.answer = reading.text if self._spec.keep_answers else None
        record.finish_reason, record.model_served = reading.finish_reason, reading.model
        record.session_id = record.session_id or reading.session_id
        if reading.usage is not None:
            usage = reading.usage
            record.tokens_in, record.tokens_out = usage.input, usage.output
            record.tokens_cached, record.tokens_source = usage.cached, "usage"
