"""The complete gateway on a laptop: real PostgreSQL, Redis and LiteLLM, our middleware, a simulator."""

from gateway_lib.local.client import (
    RunningStack,
    down,
    printed_for,
    running_stack,
    start_detached,
    status,
)
from gateway_lib.local.stack import Ports, serve
from gateway_lib.local.state import State

__all__ = [
    "Ports",
    "RunningStack",
    "State",
    "down",
    "printed_for",
    "running_stack",
    "serve",
    "start_detached",
    "status",
]
