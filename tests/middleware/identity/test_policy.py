"""The policy file, and that nothing granted is ever more than it says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.errors import Forbidden, InvalidRequest
from middleware.identity import asked, clamp, duration, names
from middleware.identity.grant import ALL_MODELS, LIMITS, NO_MODELS, PER_MODEL, Grant, models_of
from middleware.identity.policy import Policy, PolicyBroken

ROOT = Path(__file__).resolve().parents[3]


def policy(**file: Any) -> Policy:
    return Policy.model_validate(file)


def rule(name: str, **match: Any) -> dict[str, Any]:
    return {"name": name, "match": match}


def test_the_shipped_policy_makes_nobody_an_administrator():
    shipped = Policy.load(ROOT / "config" / "identity.yaml")
    everybody = shipped.rule_for({"sub": "anybody", "groups": ["admins", "Administrators"]})
    assert everybody is not None and everybody.name == "everybody"
    grant = shipped.granted(everybody)
    assert not grant.admin and grant.max_budget == 100 and grant.models is None
    assert not any(shipped.granted(each).admin for each in shipped.rules)


def test_its_examples_can_be_uncommented(tmp_path):
    text = (ROOT / "config" / "identity.yaml").read_text()
    lines = [line.replace("# - ", "- ", 1).replace("#   ", "  ", 1) for line in text.splitlines()]
    examples = [line.replace("# internal_users", "internal_users") for line in lines]
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(examples))
    loaded = Policy.load(path)
    assert [each.name for each in loaded.rules][-2:] == ["administrators", "everybody"]
    assert loaded.internal_users and loaded.internal_users.max_keys == 50


def test_the_first_rule_that_matches_counts():
    rules = policy(rules=[rule("a", groups="ml"), rule("b", groups=["ml", "ops"]), rule("c")])
    assert rules.rule_for({"groups": ["ops", "ml"]}).name == "a"
    assert rules.rule_for({"groups": ["ops"]}).name == "b"
    assert rules.rule_for({}).name == "c"


@pytest.mark.parametrize(
    ("match", "claims", "matches"),
    [
        ({"groups": "ml"}, {"groups": "ml"}, True),
        ({"groups": "ml"}, {"groups": ["ops", "ml"]}, True),
        ({"groups": "ml"}, {"groups": ["ML"]}, False),
        ({"groups": "ml"}, {"groups": ["mlops"]}, False),
        ({"groups": "ml*"}, {"groups": ["mlops"]}, True),
        ({"groups": "ml.ps"}, {"groups": ["mlops"]}, False),
        ({"groups": "*"}, {}, False),
        ({"groups": "ml"}, {"groups": {"ml": True}}, False),
        ({"groups": "ml"}, {"groups": None}, False),
        ({"groups": "ml", "sub": "a@x"}, {"groups": ["ml"], "sub": "b@x"}, False),
        ({"verified": True}, {"verified": True}, True),
        ({"verified": True}, {"verified": 1}, False),
        ({"verified": True}, {"verified": "True"}, False),
        ({"level": 3}, {"level": 3}, True),
        ({"scope": "admin"}, {"scope": "read admin"}, True),
        ({"scope": "adm"}, {"scope": "read admin"}, False),
        ({"groups": "a b"}, {"groups": "a b"}, True),
        ({"realm_access.roles": "dev"}, {"realm_access": {"roles": ["dev"]}}, True),
        ({"https://x.y/roles": "dev"}, {"https://x.y/roles": ["dev"]}, True),
        ({}, {"anything": 1}, True),
    ],
)
def test_how_claims_match(match, claims, matches):
    found = policy(rules=[rule("r", **match)]).rule_for(claims)
    assert (found is not None) is matches


def test_a_rule_that_refuses_is_the_first_too():
    rules = policy(rules=[{**rule("x", sub="eve"), "refuse": True}, rule("all")])
    assert rules.rule_for({"sub": "eve"}) is None
    assert rules.rule_for({"sub": "ada"}).name == "all"


def test_defaults_fill_what_a_rule_does_not_state():
    file = policy(
        defaults={"max_budget": 10, "budget_duration": "1d", "rpm_limit": 5},
        rules=[{**rule("r"), "grant": {"max_budget": None, "budget_duration": None}}],
    )
    grant = file.granted(file.rules[0])
    assert grant.max_budget is None and grant.rpm_limit == 5 and grant.models is None


MISTAKES = {
    "an unknown part": ({"rulez": []}, "rulez: Extra inputs"),
    "an unknown field": ({"rules": [{**rule("r"), "grant": {"budget": 1}}]}, "budget"),
    "an unknown field of a rule": ({"rules": [{**rule("r"), "models": []}]}, "rules.0.models"),
    "no match": ({"rules": [{"name": "r"}]}, "rules.0.match: Field required"),
    "a negative budget": ({"defaults": {"max_budget": -1}}, "greater than or equal to 0"),
    "a budget that is no number": ({"defaults": {"max_budget": math.inf}}, "finite"),
    "a strange duration": ({"defaults": {"key_lifetime": "1 day"}}, "must be a duration"),
    "a zero duration": ({"defaults": {"key_lifetime": "0d"}}, "must be a duration"),
    "a duration without a budget": (
        {"rules": [{**rule("r"), "grant": {"budget_duration": "1d"}}]},
        "rule r: file: budget_duration",
    ),
    "two of a name": ({"rules": [rule("r"), rule("r")]}, "two rules have the name r"),
    "a name with spaces": ({"rules": [rule("my rule")]}, "rules.0.name"),
    "a grant in a refusal": (
        {"rules": [{**rule("r"), "refuse": True, "grant": {"admin": True}}]},
        "has no grant",
    ),
    "a list for the file": ([], "file: Input should be"),
    "nothing": (None, "file: Input should be"),
    "a priority out of range": ({"defaults": {"priority": -1}}, "priority"),
}


@pytest.mark.parametrize(("file", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(tmp_path, file, message):
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(file))
    with pytest.raises(PolicyBroken, match=r"policy\.yaml") as caught:
        Policy.load(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_or_no_yaml(tmp_path):
    with pytest.raises(PolicyBroken, match="No such file"):
        Policy.load(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(PolicyBroken, match=r"bad\.yaml"):
        Policy.load(tmp_path / "bad.yaml")


MODELS = ("gpt-4o", "gpt-4o-mini", "claude", "openai/x", "openai/y")
PATTERNS = st.sampled_from((*MODELS, "gpt-*", "openai/*", "*", "*mini"))
DURATIONS = st.sampled_from(("30s", "5m", "1h", "24h", "1d", "7d", "1w", "30d", "1mo", "90d"))
DOLLARS = st.floats(0, 1e6)
COUNTS = st.integers(0, 10**6)
PER = st.dictionaries(st.sampled_from(MODELS), COUNTS, max_size=3)


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    budget = draw(st.none() | DOLLARS)
    return Grant(
        models=draw(st.none() | st.lists(PATTERNS, max_size=3).map(tuple)),
        max_budget=budget,
        budget_duration=None if budget is None else draw(st.none() | DURATIONS),
        **{name: draw(st.none() | COUNTS) for name in LIMITS},
        **{name: draw(PER) for name in PER_MODEL},
        key_lifetime=draw(st.none() | DURATIONS),
    )


NAMES = st.sampled_from((*MODELS, *ALL_MODELS, NO_MODELS, "gpt-*", "*", "openai/*"))
WANTED = st.fixed_dictionaries(
    {},
    optional={
        "models": st.none() | st.lists(NAMES, max_size=4),
        "max_budget": st.none() | st.floats(0, 1e9),
        "budget_duration": st.none() | DURATIONS,
        "duration": st.none() | DURATIONS,
        **{name: st.none() | COUNTS for name in LIMITS},
        **{name: st.none() | PER for name in PER_MODEL},
    },
)


def within(fields: dict[str, Any], grant: Grant) -> None:
    """Nothing in the fields of a key is more than the grant."""
    if "models" in fields and grant.models is not None:
        assert fields["models"], "none listed would be all"
        for model in fields["models"]:
            assert model == NO_MODELS or grant.allows(model)
    if "max_budget" in fields and grant.max_budget is not None:
        assert fields["max_budget"] <= grant.max_budget
        rate = fields["max_budget"] / duration.seconds(fields.get("budget_duration"))
        assert rate <= grant.max_budget / duration.seconds(grant.budget_duration) * 1.000001
    for name in LIMITS:
        if name in fields and getattr(grant, name) is not None:
            assert fields[name] <= getattr(grant, name)
    for name in PER_MODEL:
        general = getattr(grant, name.removeprefix("model_"))
        for model, count in fields.get(name, {}).items():
            own = getattr(grant, name).get(model)
            bounds = [each for each in (own, general) if each is not None]
            assert own == count or not bounds or count <= min(bounds)
            assert own is None or count <= own


@given(grants(), WANTED)
@settings(max_examples=400, deadline=None)
def test_a_new_key_is_never_more_than_the_grant(grant, wanted):
    try:
        fields = clamp.new_key(asked.for_key(wanted), grant)
    except Forbidden:
        assert grant.models is not None
        return
    within(fields, grant)
    for name in (
        "max_budget",
        *LIMITS,
    ):  # on a key that has no word of its own, LiteLLM has no limit
        assert (getattr(grant, name) is None) or name in fields
    assert set(PER_MODEL) <= {*fields, *(name for name in PER_MODEL if not getattr(grant, name))}
    for name in PER_MODEL:
        assert set(getattr(grant, name)) <= set(fields.get(name, {}))
    if grant.key_lifetime:
        assert duration.seconds(fields["duration"]) <= duration.seconds(grant.key_lifetime)


ROW = {
    "models": [],
    "max_budget": None,
    "budget_duration": None,
    "metadata": {},
    "created_at": "2999-01-01T00:00:00+00:00",
}


@given(grants(), WANTED)
@settings(max_examples=400, deadline=None)
def test_a_change_is_never_more_than_the_grant(grant, wanted):
    try:
        fields = clamp.changed_key(asked.for_change(wanted, ROW), grant, ROW)
    except Forbidden:
        return
    within(fields, grant)
    for name in ("max_budget", *LIMITS):
        if name in fields and getattr(grant, name) is not None:
            assert fields[name] is not None


@given(grants(), grants())
@settings(max_examples=300, deadline=None)
def test_what_two_grants_have_in_common_is_within_both(one, other):
    both = one.meet(other)
    for grant in (one, other):
        if grant.models is not None:
            assert both.models is not None and all(grant.allows(each) for each in both.models)
        if grant.max_budget is not None:
            assert both.max_budget is not None and both.max_budget <= grant.max_budget
            assert duration.seconds(both.budget_duration) >= duration.seconds(grant.budget_duration)
        for name in LIMITS:
            limit = getattr(grant, name)
            assert limit is None or getattr(both, name) <= limit
        for name in PER_MODEL:
            for model, limit in getattr(grant, name).items():
                assert getattr(both, name)[model] <= limit


@given(st.text(alphabet="ab*", max_size=6), st.text(alphabet="ab*", max_size=6), st.data())
@settings(max_examples=300, deadline=None)
def test_a_pattern_covers_whatever_a_pattern_within_it_means(pattern, name, data):
    if not names.covers(pattern, name):
        return
    meant = "".join(
        data.draw(st.text(alphabet="abc", max_size=3)) if sign == "*" else sign for sign in name
    )
    assert names.covers(pattern, meant)


def test_what_was_asked_for_is_kept_where_it_fits():
    grant = Grant(models=("a", "b"), max_budget=100, budget_duration="30d", rpm_limit=10)
    wanted = {"models": ["b"], "max_budget": 1, "budget_duration": "1d", "rpm_limit": 3}
    assert clamp.new_key(asked.for_key(wanted), grant) == wanted
    lifelong = clamp.new_key(asked.for_key({"max_budget": 5}), grant)
    assert lifelong["max_budget"] == 5 and "budget_duration" not in lifelong
    more = clamp.new_key(asked.for_key({"max_budget": 90, "budget_duration": "1d"}), grant)
    assert (more["max_budget"], more["budget_duration"]) == (90, "30d")
    none = clamp.new_key(asked.for_key({}), grant)
    assert (none["max_budget"], none["budget_duration"], none["models"]) == (100, "30d", ["a", "b"])


def test_no_models_are_not_all_models():
    assert clamp.new_key(asked.for_key({}), Grant(models=()))["models"] == [NO_MODELS]
    assert models_of([NO_MODELS]) == () and models_of([]) is None
    assert models_of(["all-proxy-models"]) is None and models_of(["a"]) == ("a",)
    with pytest.raises(Forbidden):
        clamp.new_key(asked.for_key({"models": ["x"]}), Grant(models=("a",)))
    both = Grant(models=("a",)).meet(Grant(models=("b",)))
    assert both.models == ()


@pytest.mark.parametrize(
    "wanted",
    [
        {"max_budget": "nan"},
        {"max_budget": "inf"},
        {"max_budget": -1},
        {"max_budget": [1]},
        {"rpm_limit": -1},
        {"rpm_limit": 1.5},
        {"rpm_limit": {"$gt": 0}},
        {"duration": "-1"},
        {"duration": "99999999999d"},
        {"budget_duration": "forever"},
        {"models": "all"},
        {"models": [1]},
        {"model_rpm_limit": {"a": -1}},
        {"model_rpm_limit": [1]},
        {"key_type": "management"},
        {"rpm_limit_type": "dynamic"},
        {"tpm_limit_type": "guaranteed_throughput"},
        {"metadata": {"gateway": {"rule": "administrators"}}},
        {"metadata": {"description": 5}},
        {"team_id": ["t"]},
    ],
)
def test_values_that_are_none(wanted):
    with pytest.raises(InvalidRequest):
        asked.for_key(wanted)
