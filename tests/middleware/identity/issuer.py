"""The simulator's issuer on a socket, with a count of who fetched what."""

from __future__ import annotations

from typing import Any

import httpx

from gateway_lib.simulator.app import create_app
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.settings import Settings


class Watched:
    """The simulator as an ASGI application; `fetched` are the paths that were asked for."""

    def __init__(self) -> None:
        self._app = create_app(Engine(Settings(seed=1, models={}), ()))
        self.fetched: list[str] = []
        self.url = ""
        self.down = False
        self.http = httpx.AsyncClient(trust_env=False, verify=False, timeout=60)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            self.fetched.append(scope["path"])
            if self.down and not scope["path"].endswith("mint"):
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)

    @property
    def issuer(self) -> str:
        return f"{self.url}/oidc"

    async def mint(self, sub: str | None = "ada@example.com", **request: Any) -> str:
        claims = {"sub": sub, **request.pop("claims", {})}
        reply = await self.http.post(f"{self.issuer}/mint", json={"claims": claims, **request})
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]

    async def rotate(self) -> None:
        await self.http.post(f"{self.url}/control/oidc/rotate")

    def key_fetches(self) -> int:
        return sum(path == "/oidc/keys" for path in self.fetched)
