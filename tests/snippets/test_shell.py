"""Every command of the documentation is run on the gateway, or is named with the test that covers it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from gateway_lib.cli import app

from .blocks import Command, blocks, commands, pages
from .shell import ACCEPTED, ALSO_IN, BEFORE, NOT_RUN, SAID, SMALLER, SUBSTITUTED

REPOSITORY = Path(__file__).resolve().parents[2]
BY_PAGE: dict[str, list[Command]] = {}
for block in blocks(REPOSITORY):
    if block.language == "sh":
        BY_PAGE.setdefault(block.page, []).extend(commands(block))


def twice(page: str) -> dict[str, str]:
    """What of a page is run on another."""
    other = ALSO_IN.get(page, "")
    return {one.name: other for one in BY_PAGE.get(other, [])}


RUN = {
    page: kept
    for page, found in BY_PAGE.items()
    if (kept := [one for one in found if one.name not in NOT_RUN | twice(page)])
}
DOCUMENTED = [one for found in BY_PAGE.values() for one in found]
TUTORIAL = "docs/tutorial.md"


@pytest.fixture
def workplace(tmp_path, repository, stack):
    """A folder that looks like a checkout, and the environment of a shell in it, before `gateway env`."""
    for name in ("config", "docs", "examples", "copilot", "docker", ".env.template"):
        source = repository / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    clients = ("GATEWAY_", "OPENAI_", "AWS_", "SSL_", "NODE_EXTRA")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(clients)}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    return tmp_path, kept | {
        "PATH": path,
        "GATEWAY_STATE_DIR": str(stack.state.path),
        "GATEWAY_RUNS_DIR": str(tmp_path / "runs"),
    }


def script(page: str, smaller: bool) -> str:
    """The page's commands for bash, which ends at the first that fails and says which it was."""
    lines = ["set -eu", "trap 'echo FAILED: $BASH_COMMAND' ERR", 'eval "$(.venv/bin/gateway env)"']
    lines.append(BEFORE.get(page, ""))
    for command in RUN[page]:
        text = command.text
        for old, new in (SMALLER if smaller else {}).items():
            text = text.replace(old, new)
        accepted = ACCEPTED.get(command.name)
        lines.append(
            SUBSTITUTED.get(command.name, text)
            + (f" || test $? -eq {accepted}" if accepted else "")
        )
    return "\n".join(lines)


def result_of(page: str, place, smaller: bool = True) -> str:
    folder, environment = place
    done = subprocess.run(
        ["bash", "-c", script(page, smaller)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_work(page, workplace):
    output = " ".join(result_of(page, workplace).split())
    missing = [words for words in SAID.get(page, []) if words not in output]
    assert not missing, output[-3000:]


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_the_tutorial_works_to_the_letter(workplace):
    output = " ".join(result_of(TUTORIAL, workplace, smaller=False).split())
    assert not [
        words for words in SAID[TUTORIAL] if words not in output and words != "Cannot tell yet"
    ]


def test_every_expectation_and_every_exception_is_of_a_command_that_is_there():
    names = {one.name for one in DOCUMENTED}
    assert set(NOT_RUN) <= names | inline(), set(NOT_RUN) - names - inline()
    assert set(ACCEPTED) | set(SUBSTITUTED) <= names
    assert set(SAID) | set(BEFORE) <= set(RUN)
    tutorial = "\n".join(one.text for one in BY_PAGE[TUTORIAL])
    assert all(old in tutorial for old in SMALLER)


def test_what_covers_a_command_is_there():
    for reason in NOT_RUN.values():
        if reason.startswith(("tests/", "docs/")):
            assert (REPOSITORY / reason).exists(), reason


def inline() -> set[str]:
    """Commands that stand in the running text."""
    every = " ".join(path.read_text() for path in pages(REPOSITORY) if path.name != "commands.md")
    return set(re.findall(r"`(?:\.venv/bin/)?((?:gateway|make) [a-z][^`\n]*)`", every))


@pytest.mark.parametrize("text", sorted({one.name for one in DOCUMENTED} | inline()))
def test_a_command_that_is_named_exists(text):
    if not text.startswith(("gateway ", "make ")):
        return
    words = shlex.split(re.sub(r"\$\([^)]*\)", "X", re.split(r" && | \|\| |\\$", text)[0]))
    if words[0] == "make":
        targets = re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.M)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), text
    else:
        assert not unknown(words[1:]), text


def unknown(words: list[str]) -> list[str]:
    """What of a command line does not exist; `a | b` and words for something else are let pass."""
    command = typer.main.get_command(app)
    rest = [word for word in words if word != "|"]
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        return rest[:1]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {
        "--help"
    }
    given = [word.split("=")[0] for word in rest[: rest.index("--") if "--" in rest else None]]
    return [word for word in given if word.startswith("-") and word not in options]
