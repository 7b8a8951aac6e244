"""The HTTP server under the simulator.

uvicorn with uvloop and httptools. The protocol class adds one thing: the connection's transport in
the ASGI scope, because a simulated provider must be able to break a connection off.
"""

import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway_lib.simulator.delivery import TRANSPORT


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 that lets the application reach the transport."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = dict(self.scope.get("extensions") or {})
        self.scope["extensions"] = extensions | {TRANSPORT: self.transport}


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OSError: The address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=2048) as listener:
        config = uvicorn.Config(
            app,
            http=Protocol,
            loop="uvloop",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,
        )
        uvicorn.Server(config).run(sockets=[listener])
