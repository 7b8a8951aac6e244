"""What stands behind the service here: simulated providers, and LiteLLM's answers about keys and models."""

from __future__ import annotations

import json
import re
from typing import Any

from gateway_lib.simulator.app import create_app
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.questions import load_questions
from gateway_lib.simulator.settings import DEFAULT_CONFIG, load_settings
from tests.middleware.history.litellm import LiteLLM, answer

MODEL, BEDROCK_MODEL = "gpt-4o-mini", "amazon.nova-lite-v1:0"
MARK = "x-of-the-upstream"
_WIRE = re.compile(r"/(chat/completions|embeddings)$")
KEY, ADMIN = "sk-of-a-user", "sk-of-an-admin"


class Upstream(LiteLLM):
    """An ASGI application: calls go to the simulator directly."""

    def __init__(self) -> None:
        super().__init__()
        settings = load_settings(DEFAULT_CONFIG, None)
        paths = [DEFAULT_CONFIG.parent / name for name in settings.questions]
        self._simulator = create_app(Engine(settings, load_questions(*paths)))
        self.add_key(KEY, "user")
        self.add_key(ADMIN, "admin")
        self.roles = {"user": "internal_user", "admin": "proxy_admin"}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/model/info":
            served = {MODEL: "openai/gpt-4o-mini", BEDROCK_MODEL: f"bedrock/{BEDROCK_MODEL}"}
            rows = [
                {"model_name": name, "litellm_params": {"model": model}}
                for name, model in served.items()
            ]
            await answer(send, 200, {"data": rows})
        elif path == "/v2/user/info":
            user = "admin" if b"admin" in scope["query_string"] else "user"
            row = {"user_id": user, "user_role": self.roles[user], "models": [], "metadata": {}}
            await answer(send, 200, row)
        elif found := _WIRE.search(path):
            there = f"/openai/v1/{found[1]}"
            aimed = {**scope, "path": there, "raw_path": there.encode()}
            await self._simulator(aimed, receive, _marked(send))
        elif path.startswith(("/key/info", "/v2/guardrails/", "/health/", "/router/")):
            await super().__call__(scope, receive, send)
        else:
            await _drained(receive)
            await answer(_marked(send), 404, {"error": {"message": "not here", "code": "404"}})


def _marked(send):
    """What is answered from here is not the service's own answer."""

    async def sending(message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (MARK.encode(), b"1")]
        await send(message)

    return sending


async def _drained(receive) -> Any:
    while (await receive()).get("more_body"):
        pass


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
