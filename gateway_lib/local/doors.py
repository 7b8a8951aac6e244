"""The middleware's two doors: http on uvicorn, https with HTTP/2 on Granian."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gateway_lib.local.certificates import Certificates
from gateway_lib.local.component import Component
from gateway_lib.local.http import answers
from gateway_lib.local.ports import HOST
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis

DATABASE = "middleware"
_MOST_HEAD = 2**17  # as much of a head as the http door reads
_POLICY = Path(__file__).resolve().parents[2] / "config" / "identity.yaml"


@dataclass(frozen=True, slots=True)
class Doors:
    """One front door for clients; the same application behind both."""

    http_port: int
    https_port: int
    certificates: Certificates
    litellm_url: str
    litellm_key: str
    postgres: Postgres
    redis: Redis
    config_hash: str
    bedrock_url: str
    issuer_url: str

    @property
    def http_url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def https_url(self) -> str:
        return f"https://{HOST}:{self.https_port}"

    def http(self) -> Component:
        return Component(
            name="middleware",
            command=[sys.executable, "-m", "middleware"],
            environment={
                **self._environment(),
                "MIDDLEWARE_HOST": HOST,
                "MIDDLEWARE_PORT": str(self.http_port),
            },
            ready=lambda: answers(f"{self.http_url}/livez"),
            prepare=lambda: self.postgres.ensure_database(DATABASE),
            port=self.http_port,
            address=self.http_url,
        )

    def https(self) -> Component:
        return Component(
            name="middleware-tls",
            command=[
                str(Path(sys.executable).with_name("granian")),
                "middleware.app:create_app",
                "--factory",
                "--interface=asgi",
                "--http=auto",
                f"--http1-buffer-size={_MOST_HEAD}",
                f"--http2-max-headers-size={_MOST_HEAD}",
                "--no-access-log",
                "--log-level=warning",
                f"--host={HOST}",
                f"--port={self.https_port}",
                f"--ssl-certificate={self.certificates.chain}",
                f"--ssl-keyfile={self.certificates.key}",
                "--workers=1",
                "--workers-kill-timeout=30",
            ],
            environment=self._environment(),
            ready=lambda: answers(f"{self.https_url}/livez", self.certificates.authority),
            port=self.https_port,
            address=self.https_url,
            stop_seconds=30,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "MIDDLEWARE_LITELLM_URL": self.litellm_url,
            "MIDDLEWARE_LITELLM_KEY": self.litellm_key,
            "MIDDLEWARE_OKTA_ISSUER": self.issuer_url,
            "MIDDLEWARE_IDENTITY_POLICY": str(_POLICY),
            "MIDDLEWARE_BEDROCK_ENDPOINT": self.bedrock_url,
            "MIDDLEWARE_BEDROCK_AGENT_ENDPOINT": f"{self.bedrock_url}-agent",
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "MIDDLEWARE_CONFIG_HASH": self.config_hash,
            "MIDDLEWARE_DATABASE_URL": self.postgres.url(DATABASE),
            "MIDDLEWARE_REDIS_URL": self.redis.url(),
        }
