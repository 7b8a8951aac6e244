"""The supervisor with small real processes; the real stack is in tests/stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from gateway_lib.errors import ComponentFailed, PartMissing
from gateway_lib.local import supervisor as module
from gateway_lib.local.component import Component
from gateway_lib.local.state import State
from gateway_lib.local.supervisor import Supervisor

SLEEP = "import time; time.sleep(60)"


def python(name, code, ready=lambda: True, **more):
    return Component(name=name, command=[sys.executable, "-c", code], ready=ready, port=0, **more)


@pytest.fixture
def state(tmp_path):
    result = State(tmp_path)
    result.create()
    return result


def run(state, stages, on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM)):
    said = []
    with Supervisor(state, stages, report=said.append, facts={"base_url": "u"}) as supervisor:
        supervisor.run(on_ready)
    return said


def test_stages_start_in_order_and_stop_in_reverse(state, tmp_path):
    order = tmp_path / "order"
    code = (
        "import pathlib, signal, sys, time\n"
        "def note(word):\n    with open({path!r}, 'a') as f: f.write(word + ' ')\n"
        "def stop(*_):\n    note('-{name}'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); note('+{name}'); time.sleep(60)"
    )

    def component(name):
        ready = lambda: order.exists() and f"+{name}" in order.read_text()  # noqa: E731
        return python(name, code.format(path=str(order), name=name), ready)

    said = run(state, [[component("a")], [component("b")]])
    assert order.read_text().split() == ["+a", "+b", "-b", "-a"]
    assert said[0].startswith("a ready in") and said[1].startswith("b ready in")
    assert state.snapshot()["status"] == "stopped"


def test_a_component_that_never_becomes_ready_is_named_with_its_log(state):
    bad = python("bad", "import sys; print('no such thing'); sys.exit(3)", ready=lambda: False)
    good = python("good", SLEEP)
    with pytest.raises(
        ComponentFailed, match=r"bad ended with status 3 before it was ready"
    ) as caught:
        run(state, [[good], [bad]])
    assert "| no such thing" in str(caught.value)
    assert state.snapshot()["status"] == "failed"
    assert not [p for p in psutil.Process().children() if SLEEP in " ".join(p.cmdline())]


def test_a_component_that_is_too_slow_is_named(state):
    slow = python("slow", SLEEP, ready=lambda: False, start_seconds=0.2)
    with pytest.raises(ComponentFailed, match="slow was not ready after 0 s"):
        run(state, [[slow]])


def test_a_missing_program_is_named(state):
    absent = Component(name="absent", command=["/nonexistent/program"], ready=lambda: True, port=0)
    with pytest.raises(PartMissing, match="absent: /nonexistent/program is not installed"):
        run(state, [[absent]])


def test_a_component_that_dies_is_reported_and_restarted(state):
    def kill_then_stop():
        first = state.snapshot()["components"][0]["pid"]
        os.kill(first, signal.SIGKILL)
        threading.Thread(target=stop_when_back, args=(first,)).start()

    def stop_when_back(first):
        for _ in range(200):
            time.sleep(0.05)
            entry = state.snapshot()["components"][0]
            if entry["pid"] not in (None, first) and entry["status"] == "ready":
                break
        os.kill(os.getpid(), signal.SIGTERM)

    said = run(state, [[python("a", f"print('last words', flush=True); {SLEEP}")]], kill_then_stop)
    report = next(line for line in said if "SIGKILL" in line)
    assert "a ended by SIGKILL" in report and "a: restarting" in report
    assert state.snapshot()["components"][0]["restarts"] == 1


def test_a_restart_waits_for_what_it_needs(state):
    """As LiteLLM does for PostgreSQL when both have died."""
    trials = []

    def prepare():
        trials.append(time.monotonic())
        if 1 < len(trials) < 4:
            raise ComponentFailed("what it needs is down")

    def kill_then_stop():
        os.kill(state.snapshot()["components"][0]["pid"], signal.SIGKILL)
        threading.Thread(target=stop_when_back).start()

    def stop_when_back():
        for _ in range(200):
            time.sleep(0.05)
            if len(trials) == 4 and state.snapshot()["components"][0]["status"] == "ready":
                break
        os.kill(os.getpid(), signal.SIGTERM)

    said = run(state, [[python("needy", SLEEP, prepare=prepare)]], kill_then_stop)
    assert len(trials) == 4 and state.snapshot()["components"][0]["restarts"] == 3
    assert any("could not be restarted (what it needs is down)" in line for line in said)


def test_restarts_are_bounded(state, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESTARTS", 2)
    dying = python("dying", "import time; time.sleep(0.2); print('again')")
    with pytest.raises(ComponentFailed, match="dying ended with status 0, 3 deaths in ten minutes"):
        run(state, [[dying]], on_ready=lambda: None)


def test_what_a_component_leaves_behind_is_ended_with_it(state, tmp_path):
    child = tmp_path / "child"
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    run(state, [[python("parent", code, ready=lambda: child.exists() and bool(child.read_text()))]])
    assert_ends(int(child.read_text()))


def test_killing_the_supervisor_outright_leaves_nothing(state, tmp_path):
    code = f"""
import sys
from pathlib import Path
from gateway_lib.local.component import Component
from gateway_lib.local.state import State
from gateway_lib.local.supervisor import Supervisor
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
parts = [Component(name=n, command=[sys.executable, "-c", c], ready=lambda: True, port=0)
         for n, c in (("meek", {SLEEP!r}), ("stubborn", stubborn))]
state = State(Path({str(state.path)!r}))
with Supervisor(state, [parts], report=print, facts={{}}) as supervisor:
    supervisor.run(lambda: print("up", flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        while process.stdout.readline() != "up\n":
            pass
        pids = [c["pid"] for c in state.snapshot()["components"]]
        watchdog = [
            p.pid
            for p in psutil.Process(process.pid).children()
            if "watchdog" in " ".join(p.cmdline())
        ]
        process.kill()
    assert len(pids) == 2 and len(watchdog) == 1
    for pid in [*pids, *watchdog]:
        assert_ends(pid)


def test_an_owned_stack_ends_with_its_owner(state):
    with Supervisor(
        state, [[python("a", SLEEP)]], report=lambda line: None, facts={}, owner=os.getpid()
    ) as supervisor:
        supervisor.run(lambda: pytest.fail("the owner is not this process's parent"))
    assert state.snapshot()["status"] == "stopped"


def assert_ends(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_logs_of_the_last_start_are_kept_and_older_ones_are_not(state):
    for word in ("one", "two", "three"):
        run(
            state,
            [
                [
                    python(
                        "a", f"print({word!r}, flush=True); {SLEEP}", ready=lambda: bool(log(state))
                    )
                ]
            ],
        )
    assert log(state) == "three\n" and log(state, "a.log.1") == "two\n"
    assert sorted(path.name for path in state.logs.iterdir()) == ["a.log", "a.log.1"]


def test_components_do_not_see_the_users_keys(state, monkeypatch):
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "OPENAI_API_KEY", "LITELLM_MODE", "DATABASE_URL"):
        monkeypatch.setenv(name, "canary")
    code = f"import os; print(sorted(os.environ.items()), flush=True); {SLEEP}"
    run(state, [[python("a", code, ready=lambda: bool(log(state)), environment={"OWN": "given"})]])
    assert "canary" not in log(state)
    assert "'OWN', 'given'" in log(state) and "'PATH'" in log(state)


def log(state, name="a.log"):
    path = state.logs / name
    return path.read_text() if path.exists() else ""
