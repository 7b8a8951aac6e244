"""docs/configuration.md and the how-to pages say what the code does."""

from __future__ import annotations

import re

import pytest
import yaml

from gateway_lib.config import CONFIG_DIR, lint, variables
from gateway_lib.config.linting import RULES
from gateway_lib.findings import Severity

DOCS = CONFIG_DIR.parent / "docs"
PAGES = [DOCS / "configuration.md", *sorted((DOCS / "how-to").glob("*.md"))]
KEYS = {one.name: "given" for one in variables.PROVIDERS}


def test_the_table_of_rules_is_the_rules():
    text = (DOCS / "configuration.md").read_text()
    rows = re.findall(r"^\| `([a-z]+/[a-z0-9-]+)` \| (.+) \|$", text, re.MULTILINE)
    warning = {Severity.WARNING: " (a warning)", Severity.ERROR: ""}
    assert rows == [(one.name, one.summary + warning[one.severity]) for one in RULES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_are_configurations_without_a_fault(page, tmp_path):
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
        content = yaml.safe_load(block)
        if isinstance(content, list):
            content = {"model_list": content}
        if "extends" in content or "model_list" in content:
            content["extends"] = str(CONFIG_DIR / "default-config.yaml")
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(content))
        assert lint(path, KEYS) == [], block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    text = page.read_text()
    named = re.findall(r"`((?:config|gateway_lib|docs)/[\w./-]+\.(?:yaml|py|md))`", text)
    for path in {*named} - {"config/config.yaml"}:
        assert (CONFIG_DIR.parent / path).exists(), path
