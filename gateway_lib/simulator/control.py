"""The control API: what tests and notebooks set and read back.

Not part of any provider's wire. Faults, received requests, profiles and guardrails at run time,
state and reset below ``/control``, and the OpenID Connect issuer below ``/oidc``.
"""

import os
import time
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.faults import Fault
from gateway_lib.simulator.guardrails import Guardrail
from gateway_lib.simulator.issuer import Issuer, MintRequest
from gateway_lib.simulator.profiles import Profile

_FAULTS = TypeAdapter(list[Fault])


class Control:
    """Routes below ``/control`` and ``/oidc``."""

    def __init__(self, engine: Engine, issuer: Issuer) -> None:
        self._engine = engine
        self._issuer = issuer
        self.routes = [
            Route("/livez", self.live, methods=["GET"]),
            Route("/control/faults", self.faults, methods=["GET", "PUT", "DELETE"]),
            Route("/control/received", self.received, methods=["GET", "DELETE"]),
            Route("/control/profiles", self.profiles, methods=["GET"]),
            Route("/control/profiles/{model:path}", self.profile, methods=["GET", "PUT"]),
            Route("/control/guardrails", self.guardrails, methods=["GET"]),
            Route("/control/guardrails/{id}/{version}", self.guardrail, methods=["GET", "PUT"]),
            Route("/control/state", self.state, methods=["GET"]),
            Route("/control/reset", self.reset, methods=["POST"]),
            Route("/control/oidc/rotate", self.rotate, methods=["POST"]),
            Route("/oidc/.well-known/openid-configuration", self.discovery, methods=["GET"]),
            Route("/oidc/keys", self.keys, methods=["GET"]),
            Route("/oidc/mint", self.mint, methods=["POST"]),
        ]

    async def live(self, request: Request) -> Response:
        return _json({"status": "ok", "pid": os.getpid()})

    async def faults(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self._engine.faults.replace(_FAULTS.validate_json(await request.body()))
            except ValidationError as error:
                return _mistake(error)
        elif request.method == "DELETE":
            self._engine.faults.replace([])
        return _json(self._engine.faults.listing())

    async def received(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._engine.journal.clear()
            return _json([])
        limit = request.query_params.get("limit")
        if limit is not None and not limit.isdecimal():
            return _json({"error": "limit: must be a number"}, 422)
        model = request.query_params.get("model")
        return _json(self._engine.journal.listing(int(limit) if limit else None, model))

    async def profiles(self, request: Request) -> Response:
        return _json({m: p.model_dump(mode="json") for m, p in self._engine.profiles.items()})

    async def profile(self, request: Request) -> Response:
        """Read one profile, or replace the top-level keys given."""
        model = request.path_params["model"]
        if model not in self._engine.profiles:
            return _json({"error": f"no model {model}"}, 404)
        profile = self._engine.profiles[model]
        if request.method == "PUT":
            try:
                changes = TypeAdapter(dict[str, Any]).validate_json(await request.body())
                profile = Profile.model_validate(profile.model_dump() | changes)
            except ValidationError as error:
                return _mistake(error)
            self._engine.profiles[model] = profile
        return _json(profile.model_dump(mode="json"))

    async def guardrails(self, request: Request) -> Response:
        policies = self._engine.guardrails.values()
        return _json([policy.model_dump(mode="json") for policy in policies])

    async def guardrail(self, request: Request) -> Response:
        """Read one policy, or replace the top-level keys given."""
        key = (request.path_params["id"], request.path_params["version"])
        if key not in self._engine.guardrails:
            return _json({"error": f"no guardrail {key[0]} in version {key[1]}"}, 404)
        policy = self._engine.guardrails[key]
        if request.method == "PUT":
            try:
                changes = TypeAdapter(dict[str, Any]).validate_json(await request.body())
                fixed = {"id": policy.id, "version": policy.version}
                policy = Guardrail.model_validate(policy.model_dump() | changes | fixed)
            except ValidationError as error:
                return _mistake(error)
            self._engine.guardrails[key] = policy
        return _json(policy.model_dump(mode="json"))

    async def state(self, request: Request) -> Response:
        journal = self._engine.journal
        return _json(
            {
                "seed": self._engine.settings.seed,
                "uptime_s": round(time.time() - self._engine.started_at, 3),
                "in_flight": dict(journal.in_flight),
                "totals": {model: asdict(totals) for model, totals in journal.totals.items()},
            }
        )

    async def reset(self, request: Request) -> Response:
        self._engine.reset()
        return _json({"status": "reset"})

    async def rotate(self, request: Request) -> Response:
        return _json({"kids": self._issuer.rotate()})

    async def discovery(self, request: Request) -> Response:
        return _json(self._issuer.discovery(self._issuer.url(str(request.base_url))))

    async def keys(self, request: Request) -> Response:
        return _json(self._issuer.jwks())

    async def mint(self, request: Request) -> Response:
        try:
            wanted = MintRequest.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            return _mistake(error)
        return _json(self._issuer.mint(self._issuer.url(str(request.base_url)), wanted))


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _mistake(error: ValidationError) -> Response:
    lines = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()]
    return _json({"error": "; ".join(lines)}, 422)
