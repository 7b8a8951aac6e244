"""The endpoints by which conversations are read, listed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from middleware.auth import Keys
from middleware.errors import Forbidden
from middleware.history.archive import Archive, KeptTurn, Reader
from middleware.history.conversations import parsed
from middleware.history.converse import converse_history
from middleware.history.openai import openai_history
from middleware.history.replay import decoded

Message = dict[str, Any]
Render = Callable[[list[Message]], dict[str, Any]]
router = APIRouter()


class HistoryRequest(BaseModel):
    """Which turns of which conversation."""

    model_config = ConfigDict(extra="forbid")

    session_id: str
    after: int = Field(0, ge=0)
    limit: int = Field(1000, ge=1, le=1000)


class SessionsRequest(BaseModel):
    """Which of the caller's conversations."""

    model_config = ConfigDict(extra="forbid")

    after: str | None = None
    limit: int = Field(1000, ge=1, le=1000)


class SessionsQuery(SessionsRequest):
    """The same for a list with more in it, and for administrators everybody's."""

    limit: int = Field(100, ge=1, le=1000)
    owner: Literal["me", "anybody"] = "me"


async def reader(request: Request) -> Reader:
    """Whoever asks, once the key has proven good."""
    keys: Keys = request.app.state.keys
    identity = await keys.identify(request.scope)
    return Reader(identity, await keys.is_admin(identity))


def archive(request: Request) -> Archive:
    found: Archive = request.app.state.archive
    return found


ReaderOf = Annotated[Reader, Depends(reader)]
ArchiveOf = Annotated[Archive, Depends(archive)]


@router.post("/chat-history")
async def chat_history(body: HistoryRequest, who: ReaderOf, kept: ArchiveOf) -> Response:
    """A conversation in OpenAI's form."""
    return await _history(body, who, kept, lambda messages: {"messages": openai_history(messages)})


@router.post("/bedrock/chat-history")
async def bedrock_chat_history(body: HistoryRequest, who: ReaderOf, kept: ArchiveOf) -> Response:
    """The same in Converse's form."""
    return await _history(body, who, kept, converse_history)


@router.post("/session-ids")
async def session_ids(who: ReaderOf, kept: ArchiveOf, body: SessionsRequest) -> Response:
    """The ids of the caller's conversations, the newest first."""
    found = await kept.sessions(
        who, everybodys=False, after=_place(body.after), limit=body.limit + 1
    )
    ids = [session.session_id for session in found[: body.limit]]
    return _json({"session_ids": ids, "next": ids[-1] if len(found) > body.limit else None})


@router.get("/sessions")
async def sessions(
    who: ReaderOf, kept: ArchiveOf, query: Annotated[SessionsQuery, Query()]
) -> Response:
    """The caller's conversations, the newest first; an administrator may ask for anybody's."""
    everybodys = query.owner == "anybody"
    if everybodys and not who.is_admin:
        raise Forbidden
    found = await kept.sessions(
        who, everybodys=everybodys, after=_place(query.after), limit=query.limit + 1
    )
    page = [asdict(session) for session in found[: query.limit]]
    following = page[-1]["session_id"] if len(found) > query.limit else None
    return _json({"sessions": page, "next": following})


@router.get("/sessions/{session_id}")
async def session(session_id: str, who: ReaderOf, kept: ArchiveOf) -> Response:
    """One conversation, without its content."""
    return _json(asdict(await kept.session(who, parsed(session_id))))


@router.delete("/sessions/{session_id}")
async def delete_session(session_id: str, who: ReaderOf, kept: ArchiveOf) -> Response:
    """Delete a conversation with all that was said in it."""
    found = parsed(session_id)
    await kept.delete(who, found)
    return _json({"session_id": str(found), "deleted": True})


async def _history(body: HistoryRequest, who: Reader, kept: Archive, render: Render) -> Response:
    session = parsed(body.session_id)
    turns = await kept.turns(who, session, after=body.after, limit=body.limit + 1)
    page = turns[: body.limit]
    seen = [past for turn in page if (past := turn.as_past())]
    answer = {
        "session_id": str(session),
        **render([message for past in seen for message in decoded(past)]),
        "turns": [_described(turn, render) for turn in page],
        "next": page[-1].number if len(turns) > body.limit else None,
    }
    return _json(answer)


def _described(turn: KeptTurn, render: Render) -> dict[str, Any]:
    """A turn without its content, unless it is incomplete: then no other place has all of it."""
    described = {
        "turn": turn.number,
        "complete": turn.complete,
        "interface": turn.interface,
        "model": turn.model,
        "served_by": turn.served_by,
        "request_id": turn.request_id,
        "accepted_at": turn.accepted_at,
        "ended_at": turn.ended_at,
        "status": turn.status,
        "usage": orjson.Fragment(turn.usage) if turn.usage else None,
        "cost": turn.cost,
    }
    if not turn.complete:
        messages = orjson.loads(turn.messages)
        reply = [orjson.loads(turn.reply)] if turn.reply else []
        described |= render([*messages, *reply])
    return described


def _place(session_id: str | None) -> UUID | None:
    return None if session_id is None else parsed(session_id)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
