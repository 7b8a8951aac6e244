"""TLS before a server that has none: the servers in the wheels are built without it.

It speaks PostgreSQL's way into TLS (a request, one letter, then the handshake) or none (Redis). Who does not
ask for TLS is refused, as by a database that forces it.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from pathlib import Path

_REQUEST = struct.pack("!ii", 8, 80877103)
_PART = 2**16


class TlsFront:
    """Listens until it is closed; counts who came in the clear."""

    def __init__(
        self, address: tuple[str, int], behind: tuple[str, int], chain: Path, key: Path, asks: bool
    ) -> None:
        """Start to listen.

        Args:
            address: where clients come.
            behind: where the server is.
            chain: its certificate, PEM.
            key: of the certificate, PEM.
            asks: whether clients ask for TLS first, as PostgreSQL's do.
        """
        self._behind, self._asks = behind, asks
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(chain, key)
        self.refused = 0
        self.encrypted = 0
        self._door = socket.create_server(address)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client:
            client.settimeout(10)
            try:
                if self._asks:
                    if client.recv(len(_REQUEST)) != _REQUEST:
                        self.refused += 1
                        return
                    client.sendall(b"S")
                with self._context.wrap_socket(client, server_side=True) as safe:
                    self.encrypted += 1
                    with socket.create_connection(self._behind) as server:
                        safe.settimeout(None)
                        _carry(safe, server)
            except ssl.SSLError:
                self.refused += 1
            except OSError:
                return


def _carry(safe: ssl.SSLSocket, server: socket.socket) -> None:
    """Carry bytes both ways until one side has ended."""
    while True:
        ready = [safe] if safe.pending() else select.select([safe, server], [], [])[0]
        for source, target in ((safe, server), (server, safe)):
            if source in ready:
                part = source.recv(_PART)
                if not part:
                    return
                target.sendall(part)
