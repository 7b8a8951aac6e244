"""The page of the rules says what the code asks."""

from __future__ import annotations

import re

from gateway_lib.deploy import tree


def test_every_rule_is_documented_as_it_is(repository):
    page = (repository / "docs" / "validate.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+/[a-z0-9-]+)` \| (\w+) \| (.*) \|$", page, re.M)
    asked = [(rule.name, str(rule.severity), rule.asks) for rule in tree.rules()]
    assert sorted(rows) == asked, "the table of docs/validate.md differs from the rules of the code"


def test_rules_have_names_for_machines_and_words_for_people():
    for rule in tree.rules():
        assert re.fullmatch(r"[a-z-]+/[a-z-]+", rule.name), rule.name
        assert rule.asks.endswith(".") and "|" not in rule.asks, rule.name
