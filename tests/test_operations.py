"""Dashboard, alarms and runbooks speak of what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from middleware.metrics.gauges import FAMILIES
from middleware.metrics.instruments import INSTRUMENTS

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "config" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "config" / "grafana" / "gateway.json"
RUNBOOKS = ROOT / "docs" / "runbooks.md"
OF_A_SCRAPE = {"job", "instance"}
FUNCTIONS = {
    *("sum", "rate", "increase", "min", "max", "count", "topk", "histogram_quantile"),
    *("min_over_time", "by", "and", "or", "unless", "offset"),
}
PARTS = ("First look", "Likely causes", "Mend", "Over when")


def exposed() -> dict[str, set[str]]:
    """The labels of each sample that there can be."""
    known: dict[str, set[str]] = {"up": set()}
    for instrument in INSTRUMENTS:
        (family,) = instrument.describe()
        labels = set(instrument._labelnames)
        if family.type == "histogram":
            known[f"{family.name}_bucket"] = labels | {"le"}
            known |= {f"{family.name}_{part}": labels for part in ("sum", "count")}
        else:
            known[f"{family.name}_total"] = labels
    known |= {family.name: set(family.labels) for family in FAMILIES}
    for family in ProcessCollector(registry=CollectorRegistry()).collect():
        known |= {sample.name: set() for sample in family.samples}
    return known


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def panels() -> Iterator[dict[str, Any]]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def queries() -> list[tuple[str, str]]:
    found = [(rule["alert"], rule["expr"]) for rule in rules()]
    found += [(p["title"], target["expr"]) for p in panels() for target in p["targets"]]
    return found


def used(query: str) -> tuple[set[str], set[str]]:
    """The samples that a query reads, and the labels that it asks them for."""
    bare = re.sub(r'"[^"]*"', "", query)
    assert all(bare.count(a) == bare.count(b) for a, b in ("()", "{}", "[]")), query
    labels = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", bare))
    for listed in re.findall(r"\bby \(([^)]*)\)", bare):
        labels |= {name.strip() for name in listed.split(",")}
    rest = re.sub(r"\bby \([^)]*\)|\{[^}]*\}|\[[^\]]*\]", " ", bare)
    names = set(re.findall(r"\b[a-z_]\w*\b", rest)) - FUNCTIONS
    return names, labels


@pytest.mark.parametrize(("where", "query"), queries())
def test_every_query_reads_what_is_exposed(where, query):
    known = exposed()
    for part in re.split(r"\b(?:and|or)\b", query):
        names, labels = used(part)
        assert names and names <= set(known), (where, names - set(known))
        for label in labels - OF_A_SCRAPE:
            assert all(label in known[name] for name in names), (where, label)


def test_legends_name_labels_that_the_query_leaves():
    for panel in panels():
        for target in panel["targets"]:
            _, labels = used(target["expr"])
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in labels | OF_A_SCRAPE, (panel["title"], label)


def test_the_dashboard_shows_every_metric_and_no_panel_covers_another():
    read = {name for panel in panels() for t in panel["targets"] for name in used(t["expr"])[0]}
    for instrument in INSTRUMENTS:
        (family,) = instrument.describe()
        assert any(name.startswith(family.name) for name in read), family.name
    for family in FAMILIES:
        assert family.name in read, family.name
    taken = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def sections() -> dict[str, str]:
    """The text of each runbook by its anchor."""
    _, *rest = RUNBOOKS.read_text().split("\n## ")
    return dict(part.split("\n", 1) for part in rest)


def cloudwatch() -> dict[str, str]:
    """The description of each of CloudWatch's alarms by the end of its name."""
    found = {}
    for path in (ROOT / "copilot").rglob("addons/alarms.yml"):
        text = re.sub(r"![\w.]+", "", path.read_text())
        for resource in yaml.safe_load(text)["Resources"].values():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                facts = resource["Properties"]
                found[facts["AlarmName"].rpartition("}-")[2]] = facts["AlarmDescription"]
    return found


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm():
    known, named = sections(), set()
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/runbooks.md" and f"`{rule['alert']}`" in known[anchor]
        named.add(anchor)
    assert len(cloudwatch()) == 4
    for name, description in cloudwatch().items():
        anchor = description.rpartition("docs/runbooks.md#")[2]
        assert f"-{name}`" in known[anchor], name
        named.add(anchor)
    assert named == set(known)


def test_a_runbook_has_all_its_parts():
    for anchor, text in sections().items():
        for part in PARTS:
            assert f"- **{part}" in text, (anchor, part)


def test_runbooks_name_metrics_and_settings_that_exist():
    text = RUNBOOKS.read_text() + (ROOT / "docs" / "operations.md").read_text()
    known = set(exposed())
    bare = {re.sub("_(bucket|sum|count)$", "", name) for name in known}
    for name in re.findall(r"`((?:middleware|gen_ai|http_server|db_client|process)_[a-z_]+)", text):
        assert name in known | bare | {"gen_ai_request_model"}, name
    settings = (ROOT / "docs" / "settings.md").read_text()
    for name in re.findall(r"MIDDLEWARE_\w+", text):
        assert f"`{name}`" in settings, name
    for anchor in re.findall(r"\]\(#([\w-]+)\)", RUNBOOKS.read_text()):
        assert anchor in sections(), anchor
