"""`GET /metricz`: everything that is counted and gauged, for who collects it.

Administrators may read it, and so may who has the key of the setting `metrics_key`, which is good for nothing
else, and is known without asking LiteLLM: metrics matter most when that does not answer.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from middleware.auth import Keys, sent_key
from middleware.errors import Forbidden
from middleware.health import parts_of
from middleware.metrics.gauges import Gauges
from middleware.metrics.instruments import INSTRUMENTS

router = APIRouter()


@router.get("/metricz")
async def metrics(request: Request) -> Response:
    """All metrics; raises `Forbidden` for keys that may not read them."""
    state = request.app.state
    if not _is_collectors(sent_key(request.scope), state.settings.metrics_key.get_secret_value()):
        keys: Keys = state.keys
        if not await keys.is_admin(await keys.identify(request.scope)):
            raise Forbidden
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    registry = registry_of(state, await parts_of(state))
    # beside the requests: thousands of lines take as long as a hundred of those
    return Response(await asyncio.to_thread(encode, registry), media_type=content_type)


def registry_of(state: Any, parts: dict[str, str]) -> CollectorRegistry:
    """What is exposed of an application with this state."""
    registry = CollectorRegistry(auto_describe=False)
    for instrument in INSTRUMENTS:
        registry.register(instrument)
    registry.register(Gauges(state, parts))
    ProcessCollector(registry=registry)
    return registry


def _is_collectors(sent: bytes, key: str) -> bool:
    return bool(key) and hmac.compare_digest(sent, key.encode())
