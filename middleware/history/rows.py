"""What is stored of conversations, and what is read back of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from middleware.auth import Identity


class Question(NamedTuple):
    """What is stored when a turn is accepted."""

    interface: str
    model: str
    request_id: str
    messages: bytes
    """A JSON list of messages."""
    plain: bool
    """Whether every provider takes these messages as they are."""


class Opening(NamedTuple):
    """A conversation that begins with a turn which is stored when it ends."""

    session: UUID
    identity: Identity
    question: Question
    accepted_at: datetime


class Reply(NamedTuple):
    """What is stored when a turn ends."""

    complete: bool
    status: int
    """The http status with which it ended."""
    message: bytes | None = None
    """The JSON of the assistant's message, as much of it as there is."""
    plain: bool = True
    served_by: str | None = None
    usage: bytes | None = None
    cost: float | None = None


class Past(NamedTuple):
    """A turn that had ended, as later ones see it."""

    messages: bytes
    plain: bool
    reply: bytes
    reply_plain: bool
    complete: bool
