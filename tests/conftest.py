"""What several test packages need: the real parts, started once."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from gateway_lib import local
from gateway_lib.local import ports
from gateway_lib.local.client import RunningStack
from gateway_lib.local.component import Process
from gateway_lib.local.postgres import Postgres
from tests import failures

# whoever imports LiteLLM in a test fetches nothing
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
# a test run in the background ignores Ctrl-C, and every command it starts and interrupts would, too
signal.signal(signal.SIGINT, signal.default_int_handler)
# how wide or coloured a command's table is, a test says: no terminal does, nor readline, which tells
# every process started after its import that there are 80 columns
for _name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)

# how long something takes says more of the machine than of the code, and fails no test
_UNTIMED: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("exploring", **_UNTIMED)
settings.register_profile("repeatable", derandomize=True, **_UNTIMED)


def pytest_configure(config: pytest.Config) -> None:
    """The usual run draws the same examples each time; `make faults` looks for new ones."""
    usual = config.option.markexpr == "not faults"
    settings.load_profile("repeatable" if usual else "exploring")


class ByServers(LoadScopeScheduling):
    """Side by side: all that shares the whole gateway in one process, the rest by folder."""

    def _split_scope(self, nodeid: str) -> str:
        folders = nodeid.partition("::")[0].split("/")[1:-1]
        shares = folders[:1] in (["contract"], ["notebooks"], ["snippets"], ["stack"])
        return "stack" if shares else "/".join(folders[:2])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    return ByServers(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What proves a row of docs/failures.yaml may not be skipped."""
    report = yield
    if report.skipped and failures.proves(item.nodeid):
        report.outcome, report.longrepr = (
            "failed",
            f"skipped, but it proves a row: {report.longrepr}",
        )
    return report


def pytest_report_header() -> str:
    names = ("litellm", "openai", "boto3", "fastapi", "papermill")
    return "with " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The complete gateway, started as a user starts it; it dies with the test run."""
    state = local.State(tmp_path_factory.mktemp("stack"))
    running = local.start_detached(state, owned=True)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of its own, without the rest."""
    state = local.State(tmp_path_factory.mktemp("postgres"))
    state.create()
    server = Postgres(state, ports.choose(), state.secrets().postgres_password)
    component = server.component()
    if component.prepare:
        component.prepare()
    process = Process(component, state.logs / "postgres.log")
    try:
        wait_until(server.is_ready)
        yield server
    finally:
        process.ask_to_stop()
        process.reap(time.monotonic() + 10)


@pytest.fixture
def postgres_url(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    name = f"test_{abs(hash(request.node.nodeid)) % 10**12}"
    postgres.ensure_database(name)
    return postgres.url(name)


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[1]


def wait_until(condition, seconds: float = 30.0) -> None:
    """Wait for something that must come true soon."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true after {seconds:.0f} s"
        time.sleep(0.05)
