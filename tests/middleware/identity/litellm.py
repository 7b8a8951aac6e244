"""LiteLLM with users and keys that can be managed, as far as its management API goes, and no checks at all.

It believes everything it is told, so what a test finds in it has passed the service.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from tests.middleware.history.litellm import MASTER, LiteLLM, answer

Told = tuple[str, str, dict[str, Any]]


class Managed(LiteLLM):
    """`told` are the writes that reached it: path, bearer, body."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.told: list[Told] = []
        self.bearers: list[tuple[str, str]] = []
        self.slow: Any = None
        self.refuse: set[str] = set()

    def add_user(self, user_id: str, role: str = "internal_user", **row: Any) -> None:
        blank = {"user_email": None, "user_alias": None, "models": [], "metadata": {}, "teams": []}
        self.users[user_id] = {"user_id": user_id, "user_role": role, **blank, **row}

    def give(self, user_id: str | None, **row: Any) -> str:
        """A key of a user, made by an administrator."""
        key = f"sk-{secrets.token_hex(12)}"
        self._keep(key, {"user_id": user_id, **row})
        return key

    def row(self, key: str) -> dict[str, Any]:
        return self.keys[_hash(key)]

    def keys_of(self, user_id: str) -> list[dict[str, Any]]:
        return [row for row in self.keys.values() if row.get("user_id") == user_id]

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        bearer = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        path = scope["path"]
        self.bearers.append((path, bearer))
        query = {name: found[0] for name, found in parse_qs(scope["query_string"].decode()).items()}
        match path:
            case "/v2/user/info":
                row = self.users.get(query["user_id"])
                await answer(send, 200 if row else 404, row or {})
            case "/key/list":
                await answer(send, 200, {"total_count": len(self.keys_of(query["user_id"]))})
            case "/user/info":
                await answer(send, 200, {"user_id": "read"})
            case _ if _is_write(scope):
                body = json.loads(await _body(receive) or b"{}")
                self.told.append((path, bearer, body))
                status, found = self._write(path, bearer, body)
                await answer(send, status, found)
            case _:
                await super().__call__(scope, receive, send)

    def _write(self, path: str, bearer: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path in self.refuse:
            return 400, {"error": {"message": "refused", "code": "400"}}
        match path:
            case "/user/new":
                if body.get("user_id") in self.users:
                    return 409, {"error": {"message": "already exists", "code": "409"}}
                row = {**body, "user_role": body.get("user_role", "internal_user")}
                self.add_user(row.pop("user_id"), row.pop("user_role"), **row)
            case "/user/update":
                self.users[body["user_id"]] |= body
            case "/team/member_add":
                self.users[body["member"]["user_id"]]["teams"].append(body["team_id"])
            case "/team/member_delete":
                self.users[body["user_id"]]["teams"].remove(body["team_id"])
            case "/key/generate":
                return self._generate(body, bearer)
            case "/key/update":
                row = self.keys[body["key"]]
                row |= {name: value for name, value in body.items() if name != "key"}
                _expire(row)
                return 200, {"key": body["key"], **row}
            case "/key/delete":
                for hashed in body["keys"]:
                    self.keys.pop(hashed, None)
        return 200, {}

    def _generate(self, body: dict[str, Any], bearer: str) -> tuple[int, Any]:
        key = body.get("key") or f"sk-{secrets.token_hex(12)}"
        if _hash(key) in self.keys:
            return 400, {"error": {"message": "exists", "code": "400"}}
        owner = None if bearer == MASTER else self.row(bearer).get("user_id")
        fields = {name: value for name, value in body.items() if name != "key"}
        row = self._keep(key, {"user_id": owner, **fields})
        return 200, {**row, "key": key, "token_id": _hash(key), "token": _hash(key)}

    def _keep(self, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        row = {
            "models": [],
            "metadata": {},
            "max_budget": None,
            "created_at": datetime.now(UTC).isoformat(),
            **fields,
        }
        _expire(row)
        self.keys[_hash(key)] = row
        return row


def _expire(row: dict[str, Any]) -> None:
    if duration := row.get("duration"):
        days = timedelta(days=int(duration[:-1])) if duration.endswith("d") else timedelta(days=1)
        row["expires"] = (datetime.now(UTC) + days).isoformat()


def _is_write(scope) -> bool:
    inference = ("/completions", "/converse", "/embeddings")
    return scope["method"] in ("POST", "PUT", "PATCH", "DELETE") and not scope["path"].endswith(
        inference
    )


async def _body(receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
