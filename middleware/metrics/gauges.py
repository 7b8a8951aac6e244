"""What is not counted but is so at the moment: read when the metrics are asked for."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from middleware import __version__
from middleware.admission.admission import Admission
from middleware.metrics.instruments import MODEL
from middleware.telemetry import Telemetry

_POOL = "db_client_connection_pool_name"
_STATE = "db_client_connection_state"


class Family(NamedTuple):
    """The samples of one name."""

    name: str
    text: str
    labels: tuple[str, ...] = ()

    def of(self, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
        """The family with the values of each combination of its labels."""
        family = GaugeMetricFamily(self.name, self.text, labels=self.labels)
        for labels, value in samples:
            family.add_metric(labels, value)
        return family


BUILD = Family(
    "middleware_build_info",
    "What runs: version of the middleware and of Python, hash of LiteLLM's configuration.",
    ("version", "python_version", "config_hash"),
)
READY = Family(
    "middleware_ready",
    "Whether each part that a request needs answers now, as `/readyz` says it.",
    ("part",),
)
ACTIVE = Family(
    "http_server_active_requests", "Requests under way, open streams and websockets included."
)
STREAMS = Family("middleware_open_streams", "Answers under way that are streams.")
IN_FLIGHT = Family(
    "middleware_admission_in_flight", "Calls that hold a slot of a model with a limit.", (MODEL,)
)
WAITING = Family(
    "middleware_admission_waiting", "Calls that wait for a slot of a model with a limit.", (MODEL,)
)
CONNECTIONS = Family(
    "db_client_connection_count",
    "Connections to PostgreSQL and Redis, used and idle.",
    (_POOL, _STATE),
)
CONNECTIONS_MAX = Family("db_client_connection_max", "Connections that there may be.", (_POOL,))
PENDING = Family(
    "db_client_connection_pending_requests", "Requests that wait for a connection.", (_POOL,)
)
FAMILIES = (
    BUILD,
    READY,
    ACTIVE,
    STREAMS,
    IN_FLIGHT,
    WAITING,
    CONNECTIONS,
    CONNECTIONS_MAX,
    PENDING,
)


class Gauges(Collector):
    """Reads the parts of one application, which `state` has."""

    def __init__(self, state: Any, parts: Mapping[str, str]) -> None:
        """Read them all, in the event loop: what they are read from changes there.

        `parts` are those that a request needs, as the check of readiness has just found them.
        """
        self._state = state
        self._parts = parts
        self._read = list(self._families())

    def collect(self) -> Iterator[Metric]:
        """The families, in no order that matters; in any thread."""
        yield from self._read

    def _families(self) -> Iterator[Metric]:
        hashed = self._state.config_hash or ""
        yield BUILD.of([((__version__, platform.python_version(), hashed), 1)])
        yield READY.of(((part,), found == "connected") for part, found in self._parts.items())
        telemetry: Telemetry = self._state.telemetry
        yield ACTIVE.of([((), telemetry.active)])
        yield STREAMS.of([((), telemetry.streams)])
        yield from self._admission()
        yield from self._pools()

    def _admission(self) -> Iterator[Metric]:
        admission: Admission = self._state.admission
        busy: dict[tuple[str, ...], float] = {}
        waiting: dict[tuple[str, ...], float] = {}
        for model, load in admission.load().items():
            name = (admission.limited(model),)
            busy[name] = busy.get(name, 0) + load.in_flight
            waiting[name] = waiting.get(name, 0) + load.waiting
        yield IN_FLIGHT.of(busy.items())
        yield WAITING.of(waiting.items())

    def _pools(self) -> Iterator[Metric]:
        database = self._state.database
        used, idle, most = database.size
        pools = {"postgresql": {"used": used, "idle": idle}} | self._state.keys.pool
        yield CONNECTIONS.of(
            ((pool, state), number)
            for pool, states in pools.items()
            for state, number in states.items()
        )
        name = ("postgresql",)
        yield CONNECTIONS_MAX.of([(name, most)])
        yield PENDING.of([(name, database.waiting)])
