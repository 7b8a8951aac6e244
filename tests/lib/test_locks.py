"""The requirement locks hold nothing below a floor, denied or unhashed; and such would be found."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import yaml
from packaging.version import Version

from gateway_lib import locks
from gateway_lib.cli.lint import lint
from gateway_lib.errors import ConfigurationError

HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture
def checkout(tmp_path, repository):
    """A folder with the floors and the three locks of this checkout."""
    for name in (str(locks.FLOORS), *locks.LOCKS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    return tmp_path


def test_the_locks_are_as_they_must_be(repository):
    assert locks.check(repository) == []


@pytest.mark.parametrize("lock", locks.LOCKS)
@pytest.mark.parametrize(
    ("line", "rule", "told"),
    [
        (f"litellm==1.82.8 \\\n    {HASH}", "lock/denied", "1.82.8 is denied"),
        (f"litellm==1.84.0 \\\n    {HASH}", "lock/below-floor", "older than what was tested"),
        (f"litellm==1.83.13 {HASH}", "lock/below-floor", "CVE-2026-47101"),
        (f"PyJWT==2.12.1 {HASH}", "lock/below-floor", "pyjwt 2.12.1 is below 2.15.1: CVE-2026-48523"),
        (f"Python_Jose[cryptography]==3.3.0 {HASH}", "lock/below-floor", "CVE-2024-33663, CVE-2024-33664"),
        ("six==1.17.0", "lock/no-hash", "six has no hash"),
        ("six==1.17.0 --hash=md5:0123", "lock/no-hash", "six has no hash"),
        (f"six>=1.17.0 {HASH}", "lock/not-pinned", "six is not held"),
        (f"six==1.* {HASH}", "lock/not-pinned", "six is not held"),
        (f"six @ https://packages.example/six.whl {HASH}", "lock/not-pinned", "six is not held"),
        ("--index-url https://packages.example/simple", "lock/option", "not a requirement"),
        ("https://packages.example/six-1.17.0.tar.gz", "lock/option", "not a requirement"),
    ],
)  # fmt: skip
def test_what_a_lock_may_not_hold_is_found_in_its_line(checkout, lock, line, rule, told):
    path = checkout / lock
    kept = path.read_text()
    path.write_text(f"{kept}# a remark\n{line}\n")
    (found,) = locks.check(checkout)
    assert (found.path, found.line, found.rule) == (path, kept.count("\n") + 2, rule)
    assert told in found.problem and "packages.example" not in found.problem


def test_a_lock_that_is_not_there_is_found(checkout):
    (checkout / locks.LOCKS[1]).unlink()
    assert [one.rule for one in locks.check(checkout)] == ["lock/missing"]


@pytest.mark.parametrize(
    "change",
    [{"fixed_in": "3"}, {"id": "an advisory"}, {"what": None}],
    ids=lambda change: str(change),
)
def test_a_file_of_floors_that_says_something_else_is_refused(checkout, change):
    path = checkout / locks.FLOORS
    content = yaml.safe_load(path.read_text())
    content["packages"]["litellm"]["advisories"][0].update(change)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigurationError, match=r"dependency-floors\.yaml"):
        locks.check(checkout)


def test_a_floor_is_no_lower_than_an_advisory_asks_for(repository):
    for name, package in locks.read_floors(repository / locks.FLOORS).packages.items():
        assert package.lowest == Version(package.floor), name


def test_gateway_lint_looks_at_the_locks(checkout, monkeypatch, capsys):
    (checkout / locks.LOCKS[2]).write_text("six==1.17.0\n")
    monkeypatch.setattr("gateway_lib.settings.PROJECT_ROOT", checkout)
    assert lint(None, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)["findings"]
    assert [one["rule"] for one in told if one["rule"].startswith("lock/")] == ["lock/no-hash"]


def test_the_rules_are_documented(repository):
    page = (repository / "docs" / "dependencies.md").read_text()
    rules = set(
        re.findall(r"\"(lock/[a-z-]+)\"", (repository / "gateway_lib/locks.py").read_text())
    )
    assert set(re.findall(r"^\| `(lock/[a-z-]+)` \|", page, re.M)) == rules
    for accepted in locks.read_floors(repository / locks.FLOORS).accepted:
        assert accepted.id in page


@pytest.mark.parametrize("package", [{}, {"advisories": [{"id": "CVE-1", "what": "bad"}]}])
def test_a_floor_needs_no_advisory_that_is_mended(checkout, package):
    floors = {"packages": {"Six": {"floor": "99", **package}}}
    (checkout / locks.FLOORS).write_text(yaml.safe_dump(floors))
    assert {found.rule for found in locks.check(checkout)} == {"lock/below-floor"}


@pytest.mark.parametrize("package", [{"floor": "banana"}, {"floor": "1", "denied": ["banana"]}])
def test_what_is_no_version_is_said(checkout, package):
    (checkout / locks.FLOORS).write_text(yaml.safe_dump({"packages": {"six": package}}))
    with pytest.raises(ConfigurationError, match="banana"):
        locks.check(checkout)
