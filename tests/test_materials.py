"""The bills of materials and ATTRIBUTION.md are those of the locks."""

from __future__ import annotations

import json
import re

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from gateway_lib.locks import pins

LOCKS = {"middleware": "requirements-middleware.lock", "workbench": "requirements.lock"}
ENGINE = "gateway_lib/local/prisma/package-lock.json"


def locked(repository, name):
    """(name, version) of every requirement, and of those that every platform and Python has."""
    found = list(pins((repository / LOCKS[name]).read_text()))
    every = {(pin.name, str(pin.version)) for pin in found}
    return every, {(pin.name, str(pin.version)) for pin in found if pin.requirement.marker is None}


def npm(path):
    packages = json.loads(path.read_text())["packages"]
    return {
        (key.rpartition("node_modules/")[2], each["version"])
        for key, each in packages.items()
        if key
    }


@pytest.mark.parametrize("name", LOCKS)
def test_a_bill_is_of_its_lock(repository, name):
    text = (repository / f"sbom/{name}.cdx.json").read_text()
    components = json.loads(text)["components"]
    python = {
        (canonicalize_name(each["name"]), each["version"])
        for each in components
        if each["purl"].startswith("pkg:pypi/")
    }
    every, everywhere = locked(repository, name)
    assert everywhere <= python <= every, "not current; run: make sbom"
    others = {(each["name"], each["version"]) for each in components if "pkg:npm/" in each["purl"]}
    assert others == (npm(repository / ENGINE) if name == "workbench" else set())


@pytest.mark.parametrize("name", LOCKS)
def test_a_bill_is_valid_and_every_component_has_a_licence(repository, name):
    text = (repository / f"sbom/{name}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert all(each["licenses"] for each in json.loads(text)["components"])


def test_the_attribution_names_what_the_bills_and_the_tests_have(repository):
    text = (repository / "ATTRIBUTION.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, re.M)
    told = {(name, version) for name, version, licence in rows if licence.strip()}
    wanted = set().union(*map(npm, (repository / "tests/contract").glob("*/package-lock.json")))
    for name in LOCKS:
        bill = json.loads((repository / f"sbom/{name}.cdx.json").read_text())
        wanted |= {(each["name"], each["version"]) for each in bill["components"]}
    assert wanted == told - {("package", "version"), ("---", "---")}, "not current; run: make sbom"


@pytest.mark.parametrize("path", ["ATTRIBUTION.md", *(f"sbom/{name}.cdx.json" for name in LOCKS)])
def test_nothing_of_the_machine_or_its_index_is_in_them(repository, path):
    text = (repository / path).read_text()
    assert set(re.findall(r"\w+://[^\s\")]+", text)) <= {
        "http://cyclonedx.org/schema/bom-1.6.schema.json"
    }
