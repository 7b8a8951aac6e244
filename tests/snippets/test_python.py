"""Every Python block of the documentation runs on the gateway, those of a page one after the other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .blocks import blocks
from .python import AFTER, BEFORE, SUBSTITUTED
from .test_shell import REPOSITORY

# top-level `await`, as in a notebook
PROGRAM = """
import ast, asyncio, sys
code = compile(sys.stdin.read(), sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
result = eval(code, names)
if result is not None:
    asyncio.run(result)
"""
PAGES = {}
for block in blocks(REPOSITORY):
    if block.language == "python":
        PAGES.setdefault(block.page, []).append(block)


def program(page: str, environment: dict[str, str]) -> str:
    text = "\n".join(block.text for block in PAGES[page])
    for old, new in SUBSTITUTED.get(page, {}).items():
        assert old in text
        text = text.replace(old, new.format(**environment) if new.startswith("{") else new)
    return BEFORE[page] + text + AFTER[page]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page, stack, tmp_path):
    environment = {**os.environ, **stack.environment, "GATEWAY_RUNS_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, page],
        input=program(page, stack.environment),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_nothing_is_prepared_for_a_page_without_python():
    assert set(BEFORE) == set(AFTER) == set(PAGES) and set(SUBSTITUTED) <= set(PAGES)
