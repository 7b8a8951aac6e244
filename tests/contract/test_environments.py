"""Lock files of the foreign SDKs: complete, hashed, and from nowhere in particular."""

from __future__ import annotations

import json
import re

import pytest

from tests.contract.environments import ROOT, STAMP, environment, locks

PYTHON = [lock for lock in locks() if lock.name == "requirements.lock"]
NODE = [lock for lock in locks() if lock.name == "package-lock.json"]


def test_every_sdk_has_a_lock():
    assert len(PYTHON) == 4
    assert len(NODE) == 2


@pytest.mark.parametrize("lock", PYTHON, ids=lambda lock: lock.parent.name)
def test_python_locks_have_hashes_and_no_host(lock):
    text = lock.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(r"^[\w.-]+==\S+[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    wanted = lock.with_name("requirements.in").read_text().split()
    assert all(re.search(rf"^{name.partition('[')[0]}==", text, re.MULTILINE) for name in wanted)


@pytest.mark.parametrize("lock", NODE, ids=lambda lock: lock.parent.name)
def test_node_locks_have_hashes_and_no_host(lock):
    content = json.loads(lock.read_text())
    packages = {name: package for name, package in content["packages"].items() if name}
    assert packages
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
    manifest = json.loads(lock.with_name("package.json").read_text())
    assert content["packages"][""]["dependencies"] == manifest["dependencies"]


def test_an_environment_is_made_once():
    first = environment("aws_sdk_js")
    made = (first.programs / STAMP).stat().st_mtime_ns
    again = environment("aws_sdk_js")
    assert again == first
    assert first.programs.parent == ROOT
    assert (first.programs / "node_modules" / "@aws-sdk").is_dir()
    assert (again.programs / STAMP).stat().st_mtime_ns == made
    assert len(list(ROOT.glob("aws_sdk_js-*/"))) == 1
