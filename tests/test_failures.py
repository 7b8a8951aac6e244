"""Each row of docs/failures.yaml is proved by tests that exist and run, on every way in that it speaks of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.failures import ROWS, references, ways_of

_LIST = """
import sys
import pytest

class Listing:
    def pytest_collection_finish(self, session):
        for item in session.items:
            names = {mark.name for mark in item.iter_markers()}
            if not names & {"skip", "skipif", "xfail"}:
                print("found", "long" if "faults" in names else "usual", item.nodeid, sep="\\t")

sys.exit(pytest.main(["--collect-only", "-qq", "-m", "", *sys.argv[1:]], plugins=[Listing()]))
"""


@pytest.fixture(scope="module")
def collected(repository) -> dict[str, dict[str, list[str]]]:
    """The tests that run, by when they run and by function."""
    files = sorted({one.partition("::")[0] for row in ROWS for _, _, one in references(row)})
    result = subprocess.run(
        [sys.executable, "-c", _LIST, *files],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
        timeout=250,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    found: dict[str, dict[str, list[str]]] = {"usual": {}, "long": {}}
    for line in result.stdout.splitlines():
        if line.startswith("found\t"):
            _, when, node = line.split("\t")
            found[when].setdefault(node.partition("[")[0], []).append(node)
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['group']}: {row['what']}")
def test_every_way_in_of_a_row_is_proved_by_tests_that_run(collected, row):
    proved = set()
    for kind, ways, reference in references(row):
        when = "long" if kind == "long" else "usual"
        nodes = collected[when].get(reference.partition("[")[0], [])
        if "[" in reference:
            nodes = [node for node in nodes if node == reference]
        assert nodes, f"nothing that runs is {reference}"
        proved |= set(_proved(nodes, ways))
    assert proved >= set(ways_of(row)), f"{sorted(set(ways_of(row)) - proved)} have no test"


def _proved(nodes: list[str], ways: tuple[str, ...]) -> Iterator[str]:
    """Where a test is one for each way in, those for which there is one."""
    words = {word for node in nodes for word in node.partition("[")[2].rstrip("]").split("-")}
    for way in ways:
        if not words & _EACH or way in words:
            yield way


_EACH = {"chat", "chat stream", "converse stream"}


def test_a_row_that_nothing_proves_is_found(collected):
    row: dict[str, Any] = {"what": "", "tests": {"all": ["tests/test_docs.py::test_of_nothing"]}}
    with pytest.raises(AssertionError, match="nothing that runs"):
        test_every_way_in_of_a_row_is_proved_by_tests_that_run(collected, row)
