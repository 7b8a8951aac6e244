"""A caller who does not read his answer: he is waited for, but not for ever.

What he does not take fills the connection. The answer then waits in the service, with its place, its slot of
a model and its connection to LiteLLM, and uvicorn itself would let it wait without an end. Nothing is looked
at while a connection takes what it is given.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from middleware.corked import CorkedAnswers

_LOOKS = 10
"""How often it is looked whether something was taken, within the time in which nothing may be. They are
counted, so that a service that stands still itself does not take its own time for the caller's."""


class GivingUp(CorkedAnswers):
    """The protocol of a connection, which ends when its caller takes nothing of what waits for him."""

    send_seconds = 300.0
    """How long he may take nothing. Whatever he does take begins this time anew."""
    _due: asyncio.TimerHandle | None = None
    _untaken = 0
    _looked = 0

    def pause_writing(self) -> None:
        """The connection is full."""
        super().pause_writing()
        if self._due is None:
            self._begin_anew(self._still_untaken())

    def resume_writing(self) -> None:
        """It has room again."""
        self._stop()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop()
        super().connection_lost(exc)

    def _begin_anew(self, untaken: int) -> None:
        self._untaken, self._looked = untaken, 0
        self._look_later()

    def _look_later(self) -> None:
        self._due = self.loop.call_later(self.send_seconds / _LOOKS, self._look)

    def _look(self) -> None:
        self._due = None
        self._looked += 1
        if (untaken := self._still_untaken()) != self._untaken:
            self._begin_anew(untaken)
        elif self._looked < _LOOKS:
            self._look_later()
        else:
            self.transport.abort()

    def _stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _still_untaken(self) -> int:
        """Bytes that the caller has not taken, in the process and in the kernel's queue for the connection.

        The kernel says that it has room only when much of its queue has gone, which takes a slow reader long.
        """
        waiting = self.transport.get_write_buffer_size()
        try:
            number = self.transport.get_extra_info("socket").fileno()
            queued = fcntl.ioctl(number, termios.TIOCOUTQ, b"\0" * 4)
        except (AttributeError, OSError):  # not a socket, or a system that does not say
            return waiting
        return int(waiting + struct.unpack("i", queued)[0])


class GivingUpSocket(WebSocketsSansIOProtocol):
    """The protocol of a WebSocket, which ends when its caller neither answers a ping nor takes what waits.

    uvicorn would let it end when all has been taken, and so never.
    """

    def keepalive_timeout(self) -> None:
        """No answer to a ping came in time."""
        super().keepalive_timeout()
        if self.transport.get_write_buffer_size():
            self.transport.abort()


def giving_up_after(seconds: float) -> type[GivingUp]:
    """The protocol for uvicorn, with another time than its usual."""
    return type("GivingUp", (GivingUp,), {"send_seconds": seconds})
