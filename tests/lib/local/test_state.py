from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from gateway_lib.errors import StackError, StackNotRunning, StackRunning, StateUnusable
from gateway_lib.local import down
from gateway_lib.local import state as module
from gateway_lib.local.state import State


@pytest.fixture
def state(tmp_path):
    result = State(tmp_path / "deep" / "state")
    result.create()
    return result


def test_the_folder_and_the_keys_are_private(state):
    state.secrets()
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((state.path / "secrets.json").stat().st_mode) == 0o600


def test_keys_are_made_once_and_are_all_different(state):
    first, second = state.secrets(), State(state.path).secrets()
    assert first == second
    values = [getattr(first, name) for name in first.__slots__]
    assert len(set(values)) == len(values) and all(len(value) >= 24 for value in values)
    assert first.master_key.startswith("sk-") and first.salt_key != first.master_key


def test_keys_of_an_older_stack_are_kept_and_missing_ones_added(state):
    state.write("secrets.json", '{"master_key": "sk-old", "unknown": "x"}')
    assert state.secrets().master_key == "sk-old"
    assert state.secrets().salt_key == state.secrets().salt_key


def test_the_lock_tells_a_running_stack_from_a_dead_one(state):
    assert not state.is_locked()
    with pytest.raises(StackNotRunning, match="gateway up"):
        state.running_snapshot()
    code = (
        "import sys, time; from pathlib import Path; from gateway_lib.local.state import State;"
        "State(Path(sys.argv[1])).lock(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(state.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert state.is_locked()
        with pytest.raises(StackRunning, match="already runs"):
            State(state.path).lock()
        holder.kill()
    assert not state.is_locked()


def test_a_lock_is_handed_down_to_a_child_process(state):
    holder = [sys.executable, "-c", "import sys; print('held', flush=True); sys.stdin.read()"]
    descriptor = state.lock()
    with subprocess.Popen(
        holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[descriptor]
    ) as child:
        assert child.stdout.readline() == b"held\n"
        state.unlock()
        assert state.is_locked()
        child.stdin.close()
        child.wait()
    assert not state.is_locked()


def test_the_lock_is_no_standard_stream_even_where_those_are_closed(state):
    code = (
        "import os, sys; os.close(0); from pathlib import Path; from gateway_lib.local.state import State;"
        "print(State(Path(sys.argv[1])).lock() > 2)"
    )
    command = [sys.executable, "-c", code, str(state.path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"True\n"


def test_who_only_asks_does_not_keep_a_stack_from_starting(state):
    ask = "import sys; from pathlib import Path; from gateway_lib.local.state import State\n"
    ask += "state = State(Path(sys.argv[1])); print('asking', flush=True)\nwhile True: state.is_locked()"
    state.lock()
    state.unlock()
    with subprocess.Popen(
        [sys.executable, "-c", ask, str(state.path)], stdout=subprocess.PIPE
    ) as asker:
        assert asker.stdout.readline() == b"asking\n"
        for _ in range(300):
            state.lock()
            state.unlock()
        asker.kill()


def test_what_a_stack_that_is_gone_published_is_forgotten_with_the_lock(state):
    """Else `gateway down`, early in a start, would end whatever has the old process id by now."""
    state.record({"pid": 1, "status": "ready"})
    state.lock()
    assert state.snapshot() == {"status": "starting"}
    with pytest.raises(StackError, match="not said its process id"):
        down(State(state.path))
    state.unlock()


@pytest.mark.parametrize("name", ["secrets.json", "stack.json"])
def test_a_damaged_file_is_a_clear_error(state, name):
    state.write(name, '{"master_key": "sk-')
    with pytest.raises(StateUnusable, match=f"{name} is damaged; remove the folder"):
        state.secrets() if name == "secrets.json" else state.snapshot()


def test_a_file_in_the_way_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match=r"a part of the path is a file.*--state"):
        State(tmp_path / "file" / "state").create()
    with pytest.raises(StateUnusable, match="a part of the path is a file"):
        State(tmp_path / "file").is_locked()
    with pytest.raises(StateUnusable, match="it is a file"):
        State(tmp_path / "file").create()


def test_an_unwritable_folder_is_a_clear_error():
    with pytest.raises(StateUnusable, match=r"state folder /proc/nowhere: .*--state"):
        State(module.Path("/proc/nowhere")).create()


def test_too_little_room_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FREE_BYTES_NEEDED", 2**60)
    with pytest.raises(StateUnusable, match="MB needed; make room"):
        State(tmp_path / "state").create()


def test_a_file_is_written_whole_or_not_at_all(state):
    """The limit on a file's size makes the kernel refuse the rest of a write, as a full disk does."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from gateway_lib.local.state import State;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8));"
        "State(Path(sys.argv[1])).write('thing', 'x' * 100)"
    )
    path = state.write("thing", "first")
    result = subprocess.run(
        [sys.executable, "-c", code, str(state.path)], capture_output=True, text=True, check=False
    )
    assert "StateUnusable" in result.stderr and "File too large" in result.stderr
    assert path.read_text() == "first"
    assert sorted(entry.name for entry in state.path.iterdir()) == ["logs", "thing"]
