"""The project's frame: one set of packages, however it is installed, and nothing that must not be here."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHONS = ("3.11", "3.12")


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(repository):
    """name -> list of (version, marker) of requirements.lock; every pin must carry hashes."""
    found: dict[str, list[tuple[Version, Marker | None]]] = {}
    text = (repository / "requirements.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip():
            continue
        requirement_text, *hashes = re.split(r"\s+--hash=", line.strip())
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", h.strip()) for h in hashes), (
            line[:80]
        )
        requirement = Requirement(requirement_text)
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        pin = (Version(specifier.version), requirement.marker)
        found.setdefault(canonicalize_name(requirement.name), []).append(pin)
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_every_requirement_on_every_supported_python(project, pins, python):
    environment = {"python_version": python, "python_full_version": f"{python}.7"}
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        versions = [
            version
            for version, marker in pins.get(canonicalize_name(requirement.name), [])
            if marker is None or marker.evaluate(environment)
        ]
        assert len(versions) == 1, f"{requirement.name}: {versions} in the lock for Python {python}"
        assert versions[0] in requirement.specifier, f"{requirement}: {versions[0]} is locked"


def test_the_versions_with_a_credential_stealer_can_never_be_resolved(project, pins):
    (litellm,) = [r for r in map(Requirement, project["dependencies"]) if r.name == "litellm"]
    assert not any(version in litellm.specifier for version in ("1.82.7", "1.82.8"))
    assert all(version >= Version("1.106") for version, _ in pins["litellm"])


def test_conda_installs_the_same_set(repository, project):
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    python, pip, nested = environment["dependencies"]
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(project["requires-python"])
    assert pip == "pip" and nested == {"pip": ["--require-hashes -r requirements.lock"]}


def test_the_environment_is_the_lock(pins):
    """What is installed here is what the lock says: `make setup` did its work."""
    from importlib.metadata import distributions

    installed = {canonicalize_name(d.metadata["Name"]): Version(d.version) for d in distributions()}
    for name, choices in pins.items():
        wanted = [version for version, marker in choices if marker is None or marker.evaluate()]
        assert not wanted or installed.get(name) == wanted[0], name


def test_no_index_host_in_any_lock_file(repository):
    for path in ("requirements.lock", "gateway_lib/local/prisma/package-lock.json"):
        assert "://" not in (repository / path).read_text(), path
    packages = json.loads((repository / "gateway_lib/local/prisma/package-lock.json").read_text())[
        "packages"
    ]
    assert all("integrity" in package for name, package in packages.items() if name)


def test_no_key_and_no_path_of_a_machine_is_tracked(repository):
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    )
    secret = re.compile(
        r"sk-[A-Za-z0-9_-]{32,}|-----BEGIN [A-Z ]*PRIVATE KEY-----\n|AKIA(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}"
    )
    home = re.compile(r"(?<![\w.])/(?:home|root|Users)/\w+")
    for name in filter(None, listed.stdout.split("\0")):
        path = repository / name
        if not path.exists() or name in ("requirements.lock", ".pre-commit-config.yaml"):
            continue
        text = path.read_text(errors="replace")
        assert not secret.search(text), name
        assert not home.search(text), name


def test_make_help_lists_every_target(repository):
    makefile = (repository / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M).group(1).split()
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == set(phony)
    readme = (repository / "README.md").read_text()
    assert all(f"make {target}" in readme for target in phony)
