"""Rosters from files: what is filled in, and how a mistake is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway_lib.errors import RosterError
from gateway_lib.provisioning import read_roster
from gateway_lib.provisioning.roster import seconds
from gateway_lib.settings import PROJECT_ROOT

GOOD = """\
defaults:
  max_budget: 5
  metadata: {site: north}
  keys: [{alias: "{id}-main", duration: 30d}]
users:
  - id: analyst-1
    email: Analyst-1@Example.com
    metadata: {level: 2}
  - id: analyst-2
    max_budget: null
    model_max_budget: {small: 1, large: {budget_limit: 2.5, time_period: 1d}}
    keys:
      - {alias: laptop, rotate: 2026-01-31}
"""


def read(folder: Path, text: str, name: str = "roster.yaml"):
    path = folder / name
    path.write_text(text)
    return read_roster(path)


def test_defaults_are_filled_in(tmp_path):
    first, second = read(tmp_path, GOOD).users
    assert (first.email, first.max_budget) == ("analyst-1@example.com", 5)
    assert first.metadata == {"site": "north", "level": 2}
    assert [key.alias for key in first.keys] == ["analyst-1-main"]
    assert second.max_budget is None and "max_budget" in second.model_fields_set
    assert second.model_max_budget["small"].time_period == "28d"
    assert second.model_max_budget["large"].budget_limit == 2.5
    assert second.keys[0].rotate == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("users:\n  - id: a\n    rpm_limits: 3\n", ":3: users[0].rpm_limits: no such field"),
        (
            "users:\n  - id: a\n    keys:\n      - alias: b\n        rotat: true\n",
            ":5: users[0].keys[0].rotat: no such field",
        ),
        ("users: []\nuser: []\n", ":2: user: no such field"),
        (
            "users:\n  - id: a\n  - id: b\n  - id: a\n",
            ":4: users[2].id: id a is that of users[0].id",
        ),
        (
            "users:\n- {id: a, email: x@y.org}\n- {id: b, email: X@Y.org}\n",
            ":3: users[1].email: email x@y.org is that of users[0].email already",
        ),
        (
            "users:\n- {id: a, keys: [{alias: k}]}\n- {id: b, keys: [{alias: k}]}\n",
            ":3: users[1].keys[0].alias: key alias k is that of users[0].keys[0].alias already",
        ),
        ("users:\n  - id: a\n    id: b\n", ":3: users[0].id: it is there twice"),
        ("users:\n  - id: a\n    max_budget: lots\n", ":3: users[0].max_budget: "),
        ("users:\n  - id: a\n    max_budget: -1\n", ":3: users[0].max_budget: "),
        (
            "users:\n  - id: a\n    max_budget: true\n",
            ":3: users[0].max_budget: a number is needed",
        ),
        ("users:\n  - id: a\n    max_budget: .inf\n", ":3: users[0].max_budget: "),
        ("users:\n  - id: a\n    budget_duration: monthly\n", ":3: users[0].budget_duration: "),
        ("users:\n  - id: a\n    email: nobody\n", ":3: users[0].email: "),
        ("users:\n  - id: default_user_id\n", ":2: users[0].id: default_user_id is the gateway's"),
        ("users:\n  - id: a b\n", ":2: users[0].id: "),
        ("users:\n  - email: a@b.org\n", ":2: users[0].id: "),
        (
            "users:\n  - id: a\n    models: [m]\n    keys:\n      - {alias: k, models: [n]}\n",
            ":2: users[0]: key k: n is not among the user's models",
        ),
        (
            "users:\n- id: a\n  keys: [{alias: k, duration: 1d, expires: 2030-01-01}]\n",
            ":3: users[0].keys[0]: expires and duration exclude each other",
        ),
        ("users:\n- {id: a, metadata: {managed_by: me}}\n", ":2: users[0].metadata: managed_by"),
        ("users:\n- {id: a, keys: [{alias: k, rotate: soon}]}\n", ":2: users[0].keys[0].rotate"),
        ("users: {a: [}\n", ":1: not YAML: "),
        ("- a\n", ":1: a mapping is needed"),
        ("users: &u [*u]\n", "an anchor refers to itself"),
        ("", ":1: a mapping is needed"),
        ("defaults: {}\n", "users: Field required"),
    ],
)
def test_mistakes_are_told_with_line_and_field(tmp_path, text, told):
    with pytest.raises(RosterError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/roster.yaml")
    assert told in str(caught.value)


def test_every_mistake_has_a_line(tmp_path):
    with pytest.raises(RosterError) as caught:
        read(tmp_path, "users:\n  - {id: a, x: 1}\n  - {id: b, y: 2}\n")
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(RosterError, match=r"nowhere\.yaml: No such file"):
        read_roster(tmp_path / "nowhere.yaml")


SHEET = """\
id,email,models,max_budget,rpm_limit,model_rpm_limit,model_max_budget,metadata,keys,key_duration,key_rotate
analyst-1,a@example.com,small; large,none,5,small=2;large=3,large=1.5/7d;small=2,site=a=b,one;two,30d,true
analyst-2,,,,,,,,,,

"""


def test_a_sheet_says_the_same(tmp_path):
    first, second = read(tmp_path, SHEET, "roster.csv").users
    assert first.models == ("small", "large")
    assert first.max_budget is None and "max_budget" in first.model_fields_set
    assert first.rpm_limit == 5
    assert first.model_rpm_limit == {"small": 2, "large": 3}
    assert first.model_max_budget["large"].model_dump() == {
        "budget_limit": 1.5,
        "time_period": "7d",
    }
    assert first.metadata == {"site": "a=b"}
    assert [(key.alias, key.duration, key.rotate) for key in first.keys] == [
        ("one", "30d", True),
        ("two", "30d", True),
    ]
    assert second.model_fields_set == {"id"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,rmp_limit\na,1\n", ":1: no such column: 'rmp_limit'"),
        ("id,id\na,b\n", ":1: column id is there twice"),
        ("email\na@b.org\n", ":1: the column id is missing"),
        ("id,email\na\n", ":2: it has not as many cells"),
        ("id,email\na,b@c.org,d\n", ":2: it has not as many cells"),
        ("id,model_rpm_limit\na,small\n", ":2: model_rpm_limit: name=value is needed"),
        ("id,rpm_limit\na,1\n\nb,many\n", ":4: users[1].rpm_limit: "),
        ("id\na\na\n", ":3: users[1].id: id a is that of"),
        ('id,email\n"a,b\n', ": not CSV: "),
    ],
)
def test_mistakes_in_a_sheet(tmp_path, text, told):
    with pytest.raises(RosterError) as caught:
        read(tmp_path, text, "roster.csv")
    assert told in str(caught.value)


def test_the_example_is_a_roster():
    roster = read_roster(PROJECT_ROOT / "config" / "roster.example.yaml")
    assert len(roster.users) >= 4


def test_durations():
    assert seconds("2w") == 14 * 86400
    with pytest.raises(ValueError, match="no duration"):
        seconds("2 weeks")
