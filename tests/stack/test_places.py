"""Where the stack may have to run: full disks, folders it may not write to, users who are not root."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

GATEWAY = [sys.executable, "-m", "gateway_lib"]
needs_namespaces = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"], check=False
    ).returncode
    != 0,
    reason="this machine allows no user namespaces",
)


@needs_namespaces
def test_a_full_disk_is_a_clear_error(tmp_path):
    """A real file system of 16 MB, mounted in a namespace of the test's own."""
    start = f"exec {' '.join(GATEWAY)} up --detach --state {tmp_path}"
    script = f"mount -t tmpfs -o size=16m none {tmp_path} && {start}"
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert (
        "MB free" in result.stderr
        and "make room" in result.stderr
        and "Traceback" not in result.stderr
    )


def test_a_folder_that_cannot_be_written_is_a_clear_error():
    result = subprocess.run(
        [*GATEWAY, "up", "--detach", "--state", "/proc/gateway"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "state folder /proc/gateway" in result.stderr and "--state" in result.stderr
    assert "Traceback" not in result.stderr


@needs_namespaces
def test_an_ordinary_user_can_run_it(tmp_path):
    """In a namespace in which root is user 1000, the stack takes the path of an ordinary user."""
    command = [
        *("unshare", "--user", "--map-user=1000", "--map-group=1000"),
        *(*GATEWAY, "up", "--state", str(tmp_path), "--"),
        *("sh", "-c", 'test "$(id -u)" = 1000 && echo "$GATEWAY_BASE_URL"'),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("http://127.0.0.1:")
