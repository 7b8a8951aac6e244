"""Every other block of the documentation is what it says it is; one that nobody has judged fails."""

from __future__ import annotations

import re

import pytest

from .blocks import blocks, pages
from .data import CHECKED, REPOSITORY

OTHERS = [block for block in blocks(REPOSITORY) if block.language not in ("sh", "python")]


def is_of(block, known: tuple[str, str]) -> bool:
    """Whether a judgement, a page and the beginning of a line, is of this block."""
    return block.page == known[0] and block.first.startswith(known[1])


@pytest.mark.parametrize("block", OTHERS, ids=str)
def test_a_block_is_what_it_says(block, tmp_path):
    check = next((check for known, check in CHECKED.items() if is_of(block, known)), None)
    assert check, (
        f"{block}: nobody has said how this block is checked; add it to tests/snippets/data.py"
    )
    if isinstance(check, str):
        assert (REPOSITORY / check).exists()
    else:
        check(block.text, tmp_path)


def test_every_judgement_is_of_a_block_that_is_there():
    assert not [known for known in CHECKED if not any(is_of(block, known) for block in OTHERS)]


@pytest.mark.parametrize("page", pages(REPOSITORY), ids=lambda path: path.name)
def test_no_block_is_without_a_fence(page):
    """An indented one would be seen by nobody; the usage lines of commands.md are written from the code."""
    fenced = re.sub(r"^( *)```.*?^\1``` *$", "", page.read_text(), flags=re.M | re.S)
    indented = re.findall(r"\n\n {4}(?! *[-*\d])\S.*", fenced)
    assert not indented or page.name == "commands.md"
