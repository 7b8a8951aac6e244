"""What a body says of guardrails, and what of it is refused."""

from __future__ import annotations

import orjson
import pytest

from middleware.guardrails.errors import GuardrailsMalformed
from middleware.guardrails.wish import Wish, are_mentioned, names_of, refuse_config

OWN = {"guardrailIdentifier": "g", "guardrailVersion": "1"}


def test_names():
    assert Wish.of({"guardrails": ["a", "b", "a"]}).names == ("a", "b")
    assert Wish.of({"guardrails": None}).is_empty and Wish.of({"guardrails": []}).is_empty


@pytest.mark.parametrize("value", ["a", {"a": True}, [{"a": {}}], [1], [None], [""], 3, True])
def test_what_is_no_list_of_names(value):
    with pytest.raises(GuardrailsMalformed, match="list of names"):
        Wish.of({"guardrails": value})


def test_too_many_names():
    with pytest.raises(GuardrailsMalformed, match="20 names"):
        names_of([str(number) for number in range(21)], "guardrails")


@pytest.mark.parametrize(
    "fields",
    [
        {"disable_global_guardrails": False},
        {"Guardrail_Config": {}},
        {"_guardrail_pipelines": []},
        {"policies": []},
        {"metadata": {"guardrails": ["a"]}},
        {"metadata": '{"disable_global_guardrail": true}'},
        {"litellm_metadata": {"opted_out_global_guardrails": []}},
        {"extra_body": {"guardrailConfig": None}},
    ],
)
def test_steering(fields):
    assert Wish.of(fields).steering
    assert are_mentioned(orjson.dumps(fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "disable_global_guardrails"}]},
        {"metadata": {"policy_id": "7", "note": "guardrail"}},
        {"metadata": "not json", "litellm_metadata": [1], "extra_body": None},
    ],
)
def test_what_steers_nothing(fields):
    assert Wish.of(fields).is_empty


@pytest.mark.parametrize("name", [rb"guardr\u0061ils", rb"\u0067uardrails", rb"GUARDRAILS"])
def test_a_mention_is_seen_however_it_is_written(name):
    assert are_mentioned(b'{"' + name + b'": ["x"]}')
    assert not are_mentioned(rb'{"content": "\u00fc and \u2603, nothing more"}')


@pytest.mark.parametrize(
    "config", [None, {}, "g", [], {"guardrailIdentifier": "g"}, {**OWN, "x": 1}]
)
def test_a_config_that_is_none(config):
    assert refuse_config(config, ()) is not None


def test_a_models_own_config_stays():
    assert refuse_config(OWN, ()) is None and refuse_config(OWN, (OWN,)) is None
    assert refuse_config({**OWN, "trace": "enabled"}, ({**OWN, "trace": "disabled"},)) is None
    assert "of its own" in str(refuse_config({**OWN, "guardrailVersion": "2"}, (OWN,)))
    asynchronous = {**OWN, "streamProcessingMode": "async"}
    assert "before they are sent" in str(refuse_config(asynchronous, (OWN,)))
    assert refuse_config(asynchronous, (asynchronous,)) is None
    assert refuse_config(OWN, ({**OWN, "guardrailVersion": 1},)) is None
