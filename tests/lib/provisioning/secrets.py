"""A small AWS Secrets Manager on a socket: JSON 1.1, and no request without a SigV4 signature."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[^/]+/secretsmanager/aws4_request, ?"
    r"SignedHeaders=\S*host\S*, ?Signature=[0-9a-f]{64}"
)


class SmallSecretsManager:
    """Its secrets by name, and the server that has them."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict] = {}
        self.asked: list[str] = []
        self.refuse: str | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, action: str, body: dict) -> tuple[int, dict]:
        name = body.get("Name") or body["SecretId"]
        secret = self.secrets.get(name)
        if self.refuse:
            return 400, {"__type": self.refuse, "Message": "no"}
        if action == "CreateSecret":
            if secret:
                return 400, {"__type": "ResourceExistsException", "Message": "it exists"}
            self.secrets[name] = {"value": body["SecretString"], "deleted": False}
            return 200, {"Name": name}
        if secret is None:
            return 400, {"__type": "ResourceNotFoundException", "Message": "can't find it"}
        if secret["deleted"] and action in ("PutSecretValue", "GetSecretValue"):
            return 400, {"__type": "InvalidRequestException", "Message": "marked for deletion"}
        if action == "PutSecretValue":
            secret["value"] = body["SecretString"]
        elif action == "DeleteSecret":
            secret["deleted"] = True
        elif action == "RestoreSecret":
            secret["deleted"] = False
        elif action == "GetSecretValue":
            return 200, {"Name": name, "SecretString": secret["value"]}
        date = {"DeletedDate": 1.0} if secret["deleted"] else {}
        return 200, {"Name": name, **date}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                target = self.headers["x-amz-target"]
                assert self.headers["content-type"] == "application/x-amz-json-1.1"
                service.asked.append(target)
                if _SIGNATURE.fullmatch(self.headers.get("authorization", "")):
                    status, answer = service.answer(target.split(".")[1], json.loads(body))
                else:
                    status, answer = 400, {"__type": "MissingAuthenticationTokenException"}
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler
