"""Serve the middleware over http: `python -m middleware`."""

from __future__ import annotations

import sys

import uvicorn

from middleware.app import create_app
from middleware.identity.policy import PolicyBroken
from middleware.intake.wire import BoundedHead
from middleware.settings import Settings


def main() -> None:
    settings = Settings()
    try:
        app = create_app(settings)
    except PolicyBroken as error:
        sys.exit(str(error))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHead,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        timeout_keep_alive=settings.keepalive_seconds,
    )


if __name__ == "__main__":
    main()
