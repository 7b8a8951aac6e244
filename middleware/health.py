"""Liveness and readiness.

Live: the process answers. Ready: a request could be served now, which takes LiteLLM, LiteLLM's database
and the service's own. LiteLLM says "ready" of itself with its database gone, so the database is asked.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from middleware import __version__
from middleware.database import Database
from middleware.upstream import Upstream

CHECK_SECONDS = 2.0
router = APIRouter()


@router.get("/livez")
async def live() -> dict[str, str]:
    return {"status": "live"}


@router.get("/readyz")
async def ready(request: Request) -> JSONResponse:
    """200 where requests can be served, else 503; the body says which part is missing."""
    parts = await parts_of(request.app.state)
    good = all(state == "connected" for state in parts.values())
    body = {
        "status": "ready" if good else "not ready",
        **parts,
        "middleware_version": __version__,
        "config_hash": request.app.state.config_hash,
    }
    return JSONResponse(body, status_code=200 if good else 503)


@router.get("/bedrock/health/liveliness")
async def bedrock_liveliness(request: Request) -> JSONResponse:
    """The health check of the gateway that this one succeeds, under its path and in its words."""
    litellm = (await parts_of(request.app.state))["litellm"]
    good = litellm == "connected"
    return JSONResponse(
        {"status": "healthy" if good else "unhealthy", "litellm": litellm},
        status_code=200 if good else 503,
    )


async def parts_of(state: Any) -> dict[str, str]:
    """What of a request's way there is now; each part is `connected` or `disconnected`."""
    upstream: Upstream = state.upstream
    database: Database = state.database
    said, connected = await asyncio.gather(
        upstream.is_ready(CHECK_SECONDS), database.is_ready(CHECK_SECONDS)
    )
    return {
        "litellm": "disconnected" if said is None else "connected",
        "litellm_database": "connected"
        if said and said.get("db") == "connected"
        else "disconnected",
        "database": "connected" if connected else "disconnected",
    }
