"""Whatever was there before: apply makes the gateway as the roster says, and a second plan is empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_lib.provisioning.keys import plan_keys
from gateway_lib.provisioning.live import live_key, read_state
from gateway_lib.provisioning.plan import difference
from gateway_lib.provisioning.roster import Roster
from gateway_lib.provisioning.wanted import wanted_users

NAMES = ["analyst-1", "analyst-2", "analyst-3"]
MODELS = ["small", "large", "vectors"]
numbers = st.integers(0, 1000)
dollars = st.one_of(st.none(), st.floats(0, 1000, allow_nan=False))
per_model = st.dictionaries(st.sampled_from(MODELS), numbers, max_size=2)
periods = st.sampled_from(["1d", "30d", "1mo"])


def optional(**fields):
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def keys(draw, user_id):
    aliases = draw(st.lists(st.sampled_from(["one", "two", "three"]), unique=True, max_size=2))
    limits = optional(
        models=st.lists(st.sampled_from(MODELS), unique=True),
        max_budget=dollars,
        rpm_limit=numbers,
        max_parallel_requests=numbers,
        model_rpm_limit=per_model,
        rotate=st.sampled_from([True, False, "2020-01-01", "2999-01-01"]),
    )
    ends = st.sampled_from([{}, {"duration": "30d"}, {"duration": "1h"}, {"expires": "2999-01-01"}])
    return [{"alias": f"{user_id}-{a}", **draw(limits), **draw(ends)} for a in aliases]


@st.composite
def rosters(draw):
    users = []
    for user_id in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        user = draw(
            optional(
                alias=st.sampled_from(["Ann", "Bob"]),
                email=st.just(f"{user_id}@example.com"),
                max_budget=dollars,
                budget_duration=st.one_of(st.none(), periods),
                rpm_limit=st.one_of(st.none(), numbers),
                tpm_limit=numbers,
                max_parallel_requests=numbers,
                model_rpm_limit=per_model,
                model_tpm_limit=per_model,
                model_max_budget=st.dictionaries(st.sampled_from(MODELS), st.floats(0, 9)),
                metadata=optional(site=st.sampled_from(["a", "b"]), level=numbers),
                team=st.sampled_from(["x", "y"]),
            )
        )
        if draw(st.booleans()):
            user["models"] = draw(st.lists(st.sampled_from(MODELS), min_size=1, unique=True))
        user["keys"] = draw(keys(user_id))
        for key in user["keys"]:
            if user.get("models"):
                key["models"] = [m for m in key.get("models", []) if m in user["models"]]
        users.append({"id": user_id, **user})
    return {"users": users}


def stranger(gateway):
    gateway.post_user_new("somebody", "internal_user", False, user_email="s@example.com")
    gateway.post_key_generate("somebodys", "somebody")
    return gateway.users["somebody"].copy(), gateway.key_by_alias("somebodys").copy()


def check_as_the_roster_says(office, document, whole):
    wanted = wanted_users(Roster.model_validate(document))
    state = read_state(office.admin)
    for user in wanted.values():
        assert difference(user.fields, state.users[user.user_id]) == ()
        live = {key.alias: key for key in state.keys_of(user.user_id)}
        assert {key.alias for key in user.keys} <= set(live)
        for key in user.keys:
            found = live[key.alias]
            assert {n: found.fields[n] for n in key.fields} == dict(key.fields)
            assert found.delivered
            assert office.file.find(key.alias, found.token), "it is not in the file"
    assert not any(key.replaces for key in state.keys)
    if whole:
        ours = {user.user_id for user in state.users.values() if user.managed}
        assert ours == set(wanted)
        aliases = {key.alias for key in state.keys if key.managed}
        assert aliases == {key.alias for user in wanted.values() for key in user.keys}


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=rosters(), after=rosters(), whole=st.booleans())
def test_apply_makes_it_so_and_then_there_is_nothing_to_do(office, before, after, whole):
    office.gateway.forget()
    user, key = stranger(office.gateway)
    assert not [o for o in office.apply(before) if o.error]
    outcomes = office.apply(after, revoke_absent=whole)
    assert not [outcome for outcome in outcomes if outcome.error]
    check_as_the_roster_says(office, after, whole)
    assert office.plan(after, revoke_absent=whole).pending == ()
    asked = len(office.gateway.asked)
    assert office.apply(after, revoke_absent=whole) == []
    assert not any(line.startswith("POST") for line in office.gateway.asked[asked:])
    assert office.gateway.users["somebody"] == user
    assert office.gateway.key_by_alias("somebodys") == key


def only(document):
    [user] = wanted_users(Roster.model_validate({"users": [document]})).values()
    return user


def a_key(alias="k", **row):
    about = {"managed_by": "roster", "delivered": "2026-01-01", **row.pop("metadata", {})}
    row = {"token": "t", "key_alias": alias, "user_id": "a", "metadata": about, **row}
    return live_key(row)


NOW = datetime(2026, 6, 1, tzinfo=UTC)


def steps(key, *live, now=NOW, revoke=False):
    user = only({"id": "a", "keys": [key] if key else []})
    return [(s.alias, s.action, s.reason) for s in plan_keys(user.keys, live, now, revoke)]


def test_what_becomes_of_keys():
    old = "2026-01-01T00:00:00Z"
    assert steps({"alias": "k"}) == [("k", "create", None)]
    assert steps({"alias": "k"}, a_key()) == [("k", "unchanged", None)]
    assert steps({"alias": "k"}, a_key(metadata={"delivered": None})) == [
        ("k", "rotate", "it was issued, but never handed over")
    ]
    assert steps({"alias": "k", "rotate": "2026-05-01"}, a_key(created_at=old)) == [
        ("k", "rotate", "issued before 2026-05-01")
    ]
    assert steps({"alias": "k", "rotate": "2026-07-01"}, a_key(created_at=old)) == [
        ("k", "unchanged", None)
    ]
    assert steps({"alias": "k", "rotate": True}, a_key()) == [("k", "rotate", "the roster says so")]
    assert steps({"alias": "k", "rotate": True}, a_key(metadata={"rotated": True})) == [
        ("k", "unchanged", None)
    ]
    ended = a_key(created_at=old, expires="2026-01-31T00:00:00Z")
    assert steps({"alias": "k", "duration": "30d"}, ended)[0][1:] == (
        "rotate",
        "it expired on 2026-01-31 00:00",
    )
    assert steps({"alias": "k", "expires": "2026-01-31"}, ended) == [("k", "unchanged", "expired")]
    assert steps({"alias": "k", "expires": "2026-01-31"}) == []
    assert steps(None, a_key("k")) == [
        ("k", "absent", "not in the roster; --revoke-absent would delete it")
    ]
    assert steps(None, a_key("k"), revoke=True) == [("k", "revoke", "not in the roster")]
    assert steps(None, a_key("k", metadata={"managed_by": "someone"}), revoke=True) == []
    assert steps(None, a_key("k (old)", metadata={"replaced": "k"})) == [
        ("k (old)", "revoke", "k took its place")
    ]


def test_an_end_may_differ_by_minutes_and_a_short_life_by_less():
    begin = datetime(2026, 5, 31, 23, 0, tzinfo=UTC)

    def action(duration, end):
        live = a_key(created_at=begin.isoformat(), expires=(begin + end).isoformat())
        return steps({"alias": "k", "duration": duration}, live, now=begin + timedelta(minutes=1))[
            0
        ][1]

    assert action("30d", timedelta(days=30, minutes=5)) == "unchanged"
    assert action("30d", timedelta(days=30, minutes=15)) == "change"
    assert action("10m", timedelta(minutes=10, seconds=30)) == "unchanged"
    assert action("10m", timedelta(minutes=12)) == "change"


def test_who_has_the_email_or_the_alias_already_is_told(office):
    stranger(office.gateway)
    document = {
        "users": [
            {"id": "a", "email": "S@example.com"},
            {"id": "b", "keys": [{"alias": "somebodys"}]},
            {"id": "c"},
        ]
    }
    made = office.plan(document)
    assert [(s.user_id, s.reason) for s in made.blocked] == [
        ("a", "its email s@example.com is that of the user somebody"),
        ("b", "its key alias somebodys is that of a key of somebody"),
    ]
    outcomes = office.apply(document)
    assert [bool(o.error) for o in outcomes] == [True, True, False]
    assert set(office.gateway.users) == {"somebody", "c"}


def test_who_was_made_by_other_means_is_taken_over_with_what_others_wrote_there(office):
    gateway = office.gateway
    gateway.post_user_new("a", "internal_user", False, metadata={"note": "by hand", "team": "z"})
    gateway.post_key_generate("mine", "a")
    token = gateway.key_by_alias("mine")["token"]
    document = {"users": [{"id": "a", "team": "x", "keys": [{"alias": "mine", "rpm_limit": 4}]}]}
    [step] = office.plan(document).steps
    assert step.reason == "made by other means, taken over"
    assert [(c.field, c.old, c.new) for c in step.changes] == [
        ("managed_by", None, "roster"),
        ("metadata.team", "z", "x"),
    ]
    office.apply(document)
    assert gateway.users["a"]["metadata"]["note"] == "by hand"
    assert gateway.key_by_alias("mine")["token"] == token, "somebody uses that key"
    assert gateway.key_by_alias("mine")["rpm_limit"] == 4
    assert office.plan(document).pending == ()


def test_an_administrator_is_never_deleted(office):
    document = {"users": [{"id": "a"}]}
    office.apply(document)
    office.gateway.users["a"]["user_role"] = "proxy_admin"
    [step] = office.plan({"users": []}, revoke_absent=True).steps
    assert step.action == "absent" and "proxy_admin" in step.reason


def test_pages_and_models_nobody_serves(office):
    office.gateway.page_size = 2
    users = [{"id": f"u{n}", "keys": [{"alias": f"k{n}"}]} for n in range(5)]
    document = {"users": [*users, {"id": "x", "models": ["smal", "sm*"]}]}
    made = office.plan(document)
    assert made.warnings == ("x: the gateway serves no model smal",)
    office.apply(document)
    assert office.plan(document).counts == {"keys unchanged": 5, "users unchanged": 6}
