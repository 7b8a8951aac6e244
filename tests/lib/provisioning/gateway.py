"""A small gateway on a socket: the admin API with LiteLLM's slips, and models that keep limits.

It fails when it is told to: on the n-th request from now, before it did anything (`refused`), after
(`lost`: done, but the connection ends without an answer), or never answering (`hangs`).
"""

from __future__ import annotations

import copy
import hashlib
import json
import secrets
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADMIN = "sk-admin-of-the-small-gateway"
MODELS = {
    "small": {"mode": "chat", "input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7},
    "large": {"mode": "chat", "input_cost_per_token": 1e-5, "output_cost_per_token": 2e-5},
    "vectors": {"mode": "embedding", "input_cost_per_token": 1e-8, "output_cost_per_token": 0},
}
LIMITS = ("max_budget", "budget_duration", "tpm_limit", "rpm_limit")


class Refused(Exception):
    def __init__(self, status: int, message: str, kind: str = "bad_request_error") -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class SmallGateway:
    """Its users and keys, and the server that has them."""

    def __init__(self) -> None:
        self.forget()
        self._lock = threading.Lock()
        self.stop_hanging = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def forget(self) -> None:
        self.users: dict[str, dict] = {}
        self.keys: dict[str, dict] = {}
        self.asked: list[str] = []
        self.fail_at: int | None = None
        self.how = "refused"
        self.page_size = 100
        self.wrong_limit_by = 0
        self.used: dict[str, int] = {}

    def close(self) -> None:
        self.stop_hanging.set()
        self._server.shutdown()
        self._server.server_close()

    def key_by_alias(self, alias: str) -> dict:
        [found] = [key for key in self.keys.values() if key["key_alias"] == alias]
        return found

    def answer(self, method: str, path: str, query: dict, body: dict, key: str) -> dict:
        name = path.strip("/").replace("/", "_")
        if key == ADMIN:
            return getattr(self, f"{method.lower()}_{name}")(**{**query, **body})
        return self.call(body["model"], key)

    # users

    def get_user_list(self, page, page_size, sort_by):
        rows = sorted(self.users.values(), key=lambda row: row["user_id"])
        return {"users": self._page(rows, page), "total": len(rows)}

    def get_user_info(self, user_id):
        if user_id not in self.users:
            raise Refused(404, f"User {user_id} not found")
        return {"user_id": user_id, "user_info": self.users[user_id], "keys": []}

    def post_user_new(self, user_id, user_role, auto_create_key, **body):
        assert auto_create_key is False
        if user_id in self.users:
            raise Refused(409, f"User with id {user_id} already exists")
        emails = {(row["user_email"] or "").lower() for row in self.users.values()}
        if body.get("user_email") and body["user_email"].lower() in emails:
            raise Refused(409, f"User with email {body['user_email']} already exists")
        if body.get("model_max_budget"):
            raise Refused(500, "You must have an enterprise license to set model_max_budget.")
        row = dict.fromkeys(("user_email", "user_alias", *LIMITS, "max_parallel_requests"))
        row |= {"models": [], "metadata": {}, "model_max_budget": {}, "spend": 0.0}
        row |= {"user_id": user_id, "user_role": user_role, **body}
        row["max_budget"] = 1e9 if row["max_budget"] is None else row["max_budget"]
        row["budget_duration"] = row["budget_duration"] or "1mo"
        self.users[user_id] = row
        return {**row, "key": ""}

    def post_user_update(self, user_id, **body):
        row = self.users[user_id]
        for name, value in body.items():
            if name in LIMITS:
                row[name] = value
            elif name == "model_max_budget":
                row[name] = value or {}
            elif value not in (None, [], {}):
                row[name] = value
        return {"user_id": user_id, "data": row}

    def post_user_delete(self, user_ids):
        for user_id in user_ids:
            if user_id not in self.users:
                raise Refused(404, "User not found")
        for user_id in user_ids:
            del self.users[user_id]
            self.keys = {t: k for t, k in self.keys.items() if k["user_id"] != user_id}
        return {"deleted": len(user_ids)}

    # keys

    def get_key_list(self, page, size, return_full_object, sort_by, sort_order, user_id=None):
        rows = [row for row in self.keys.values() if user_id in (None, row["user_id"])]
        return {"keys": self._page(rows, page), "total_count": len(rows)}

    def post_key_generate(self, key_alias, user_id, duration=None, **body):
        self._alias_is_free(key_alias, None)
        value = f"sk-{secrets.token_urlsafe(16)}"
        token = hashlib.sha256(value.encode()).hexdigest()
        row = dict.fromkeys((*LIMITS, "max_parallel_requests", "expires"))
        row |= {"models": [], "metadata": {}, **body}
        row |= {"token": token, "key_alias": key_alias, "user_id": user_id}
        row["created_at"] = datetime.now(UTC).isoformat()
        row["expires"] = self._end(duration)
        self.keys[token] = row
        return {**row, "key": value, "token_id": token}

    def post_key_update(self, key, **body):
        row = self.keys.get(key)
        if row is None:
            raise Refused(404, "no such key")
        if "key_alias" in body:
            self._alias_is_free(body["key_alias"], key)
        if "duration" in body:
            row["expires"] = self._end(body.pop("duration"))
        row |= body
        return row

    def post_key_delete(self, keys):
        if not set(keys) <= set(self.keys):
            raise Refused(404, "No keys found")
        self.keys = {token: row for token, row in self.keys.items() if token not in keys}
        return {"deleted_keys": keys}

    # models

    def get_v1_models(self):
        return {"data": [{"id": name} for name in MODELS]}

    def get_model_group_info(self):
        return {"data": [{"model_group": name, **about} for name, about in MODELS.items()]}

    def call(self, model: str, value: str) -> dict:
        key = self.keys.get(hashlib.sha256(value.encode()).hexdigest())
        if key is None:
            raise Refused(401, "no such key", "token_not_found_in_db")
        user = self.users[key["user_id"]]
        for models in (user["models"], key["models"]):
            if models and "all-proxy-models" not in models and model not in models:
                raise Refused(403, "not available", "user_model_access_denied")
        limit = user["rpm_limit"]
        headers = {}
        if limit is not None:
            used = self.used[user["user_id"]] = self.used.get(user["user_id"], 0) + 1
            if used > limit + self.wrong_limit_by:
                raise Refused(429, "Rate limit exceeded", "throttling_error")
            headers["x-ratelimit-user-limit-requests"] = str(limit)
            headers["x-ratelimit-user-remaining-requests"] = str(max(0, limit - used))
        headers["x-litellm-response-cost"] = "0.001"
        user["spend"] += 0.001
        return {"headers": headers}

    def _page(self, rows: list, page: str) -> list:
        start = (int(page) - 1) * self.page_size
        return rows[start : start + self.page_size]

    def _alias_is_free(self, alias: str, but: str | None) -> None:
        if any(k["key_alias"] == alias and t != but for t, k in self.keys.items()):
            raise Refused(400, f"Key with alias '{alias}' already exists.")

    @staticmethod
    def _end(duration: str | None) -> str | None:
        if duration is None:
            return None
        assert duration.endswith("s")
        return (datetime.now(UTC) + timedelta(seconds=int(duration[:-1]))).isoformat()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                self._serve({})

            def do_POST(self):
                self._serve(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def _serve(self, body):
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                key = self.headers["authorization"].removeprefix("Bearer ")
                with gateway._lock:
                    gateway.asked.append(f"{self.command} {parts.path}")
                    failing = gateway.fail_at == len(gateway.asked)
                    how = gateway.how if failing else None
                    if how != "refused":
                        status, answer = self._answer(parts.path, query, body, key)
                if how == "hangs":
                    gateway.stop_hanging.wait(30)
                if how in ("lost", "hangs"):
                    self.close_connection = True
                    return
                if how == "refused":
                    status, answer = 500, {"error": {"message": "told to fail", "type": "x"}}
                headers = answer.pop("headers", {})
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": len(content)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(content)

            def _answer(self, path, query, body, key):
                try:
                    return 200, copy.deepcopy(gateway.answer(self.command, path, query, body, key))
                except Refused as refused:
                    error = {"message": str(refused), "type": refused.kind}
                    return refused.status, {"error": error}

        return Handler
