"""Small real servers for what moto does not play: a container registry, and Bedrock's model access."""

from __future__ import annotations

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

MANIFEST = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class _Server(ABC):
    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                status, headers, body = outer.answer(self.command, self.path, self.headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._http.server_port}"
        self.asked: list[str] = []
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @abstractmethod
    def answer(self, method, path, headers):
        """Status, headers and body of the answer to a request."""


class Registry(_Server):
    """A registry that wants an anonymous token, as the public ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = {
            ("docker/library/python", "3.12-slim-bookworm"),
            ("berriai/litellm-non_root", None),
        }
        self.tells_digest = True

    def answer(self, method, path, headers):
        self.asked.append(f"{method} {path}")
        split = urlsplit(path)
        if split.path == "/token":
            asked = parse_qs(split.query)
            token = f"for {asked['scope'][0]} of {asked['service'][0]}"
            return 200, {}, json.dumps({"token": token}).encode()
        name, _, tag = split.path.removeprefix("/v2/").partition("/manifests/")
        wanted = f"Bearer for repository:{name}:pull of small"
        if headers.get("authorization") != wanted:
            challenge = f'Bearer realm="http://{self.host}/token",service="small",scope="repository:{name}:pull"'
            return 401, {"www-authenticate": challenge}, b"{}"
        if not {(name, tag), (name, None)} & self.tags:
            return 404, {}, b"{}"
        assert "manifest.list" in headers["accept"] and "image.index" in headers["accept"]
        told = {"docker-content-digest": DIGEST} if self.tells_digest else {}
        return 200, told, MANIFEST


class ModelAccess(_Server):
    """GetFoundationModelAvailability of Bedrock."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[str] = set()
        self.authorizations: list[str] = []

    def answer(self, method, path, headers):
        self.authorizations.append(headers.get("authorization", ""))
        model = unquote(urlsplit(path).path.removeprefix("/foundation-model-availability/"))
        self.asked.append(model)
        if model == "no.such-model":
            kind = {"x-amzn-errortype": "ResourceNotFoundException"}
            return 404, kind, json.dumps({"message": "no such model"}).encode()
        granted = model not in self.closed
        body = {
            "modelId": model,
            "agreementAvailability": {"status": "AVAILABLE" if granted else "NOT_AVAILABLE"},
            "authorizationStatus": "AUTHORIZED" if granted else "NOT_AUTHORIZED",
            "entitlementAvailability": "AVAILABLE" if granted else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }
        return 200, {"content-type": "application/json"}, json.dumps(body).encode()
