"""Free loopback ports, chosen when the stack starts so that several stacks run side by side."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from gateway_lib.errors import PortTaken

HOST = "127.0.0.1"
# Below the range from which Linux and macOS take the local end of outgoing connections, so that a port
# stays ours between a component's death and its restart.
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(avoid: Collection[int] = ()) -> int:
    """A port nobody listens on, at random: two stacks that start at once seldom meet."""
    for port in random.SystemRandom().sample(_RANGE, 200):
        if port not in avoid and is_free(port):
            return port
    raise PortTaken(f"no free port found on {HOST} between {_RANGE.start} and {_RANGE.stop}")


def claim(port: int) -> int:
    """The port that was asked for; `PortTaken` where something listens on it, or it is none."""
    if not 0 < port < 2**16:
        raise PortTaken(f"{port} is not a port; it has to be between 1 and {2**16 - 1}")
    if not is_free(port):
        raise PortTaken(
            f"port {port} on {HOST} is in use; name another one, or leave the choice to the stack"
        )
    return port
