"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

GATEWAY = [sys.executable, "-m", "gateway_lib"]


def test_commands_and_settings_are_documented_as_they_are(repository):
    result = subprocess.run(
        [sys.executable, str(repository / "scripts" / "docs"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_links_between_documents_lead_somewhere(repository):
    for page in [repository / "README.md", *(repository / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_package_named_in_the_readme_exists(repository):
    for path in re.findall(r"^\| \[?`([\w./]+/)`", (repository / "README.md").read_text(), re.M):
        assert (repository / path).is_dir(), path


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["up", "--port", "abc"], "Invalid value for '--port'", 2),
        (["nonsense"], "No such command 'nonsense'", 2),
        (["up", "--nope"], "No such option", 2),
        (["up", "--", "no-such-program"], "no-such-program: no such command", 1),
        (["env"], "no stack runs in", 1),
    ],
)
def test_a_failing_command_is_one_line_and_a_status(tmp_path, arguments, message, status):
    result = subprocess.run(
        [*GATEWAY, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == status and result.stdout == ""
    assert result.stderr.startswith("gateway: ") and message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
