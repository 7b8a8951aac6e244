"""The endpoint by which administrators read the audit trail."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from middleware.auth import Keys
from middleware.errors import Forbidden
from middleware.identity.gate import Gate

router = APIRouter()


class AuditQuery(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid")

    before: int | None = Field(None, ge=1, lt=2**63)
    """Entries older than the one of this id."""
    limit: int = Field(100, ge=1, le=1000)
    subject: str | None = None


@router.get("/audit")
async def audit(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """The trail, the newest first."""
    keys: Keys = request.app.state.keys
    if not await keys.is_admin(await keys.identify(request.scope)):
        raise Forbidden
    gate: Gate = request.app.state.gate
    found = await gate.audit.page(before=query.before, limit=query.limit + 1, subject=query.subject)
    page = [{**asdict(entry), "granted": orjson.Fragment(entry.granted)} for entry in found]
    following = found[query.limit - 1].id if len(found) > query.limit else None
    body = orjson.dumps({"entries": page[: query.limit], "next": following})
    return Response(body, media_type="application/json")
