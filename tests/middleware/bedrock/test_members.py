"""Every member of AWS's model, as docs/bedrock-members.yaml says what becomes of it."""

from __future__ import annotations

import copy
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from middleware.bedrock import schema
from middleware.bedrock.errors import ValidationException
from middleware.bedrock.response import converse_response, stop_reason
from middleware.catalogue import Guardrail, Route

from .translation import sent

MEMBERS = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "docs" / "bedrock-members.yaml").read_text()
)
ROUTES = {
    "openai": Route("m", frozenset({"openai"})),
    "bedrock": Route("m", frozenset({"bedrock"})),
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


class Catalogue:
    """One guardrail that LiteLLM applies by name."""

    def guardrail_configs(self, model: str) -> tuple[()]:
        return ()

    def guardrail(self, identifier: str, version: str) -> Guardrail | None:
        return (
            Guardrail("by-name", "known", "1") if (identifier, version) == ("known", "1") else None
        )


def cases(direction: str, key: str):
    return [
        pytest.param(case, id=f"{case['member']}-{number}")
        for number, case in enumerate(MEMBERS[direction])
        if key in case
    ]


def request_of(case) -> dict:
    request = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    request |= copy.deepcopy(case.get("request") or {})
    if "user" in case:
        request["messages"] = [{"role": "user", "content": case["user"]}]
    return request


def translate(case) -> dict:
    request = request_of(case)
    schema.request("Converse")(request, "")
    return sent(request, ROUTES[case.get("provider", "openai")], Catalogue())


@pytest.mark.parametrize("case", cases("request", "body"))
def test_a_member_has_its_place_in_the_chat_completion(case):
    assert_contains(translate(case), case["body"])


@pytest.mark.parametrize("case", cases("request", "parts"))
def test_content_is_the_users_content(case):
    assert_contains(translate(case)["messages"][-1]["content"], case["parts"])


@pytest.mark.parametrize("case", cases("request", "refused"))
def test_what_cannot_be_honoured_is_refused_by_name(case):
    with pytest.raises(ValidationException) as caught:
        translate(case)
    assert case["refused"] in caught.value.message


def test_a_guarded_call_goes_past_the_response_cache_whatever_its_fields_say():
    request = {
        "guardrailConfig": {"guardrailIdentifier": "known", "guardrailVersion": "1"},
        "additionalModelRequestFields": {"cache": {"use-cache": True}},
    }
    body = translate({"provider": "bedrock", "request": request})
    assert body["cache"] == {"no-cache": True, "no-store": True}


@pytest.mark.parametrize("case", cases("response", "message"))
def test_a_member_of_the_answer_is_made_from_the_completion(case):
    message = {"role": "assistant", **case["message"]}
    completion = {
        "id": "c1",
        "choices": [{"message": message, "finish_reason": case.get("finish", "stop")}],
        "usage": case.get("usage", USAGE),
        **case.get("completion", {}),
    }
    response = converse_response(request_of(case), completion, 12)
    assert_contains(response, case["response"])


@pytest.mark.parametrize("case", MEMBERS["stop_reasons"], ids=lambda case: case["reason"])
def test_stop_reasons(case):
    if "finish" not in case:
        assert case["how"].startswith("unreachable: ")
        return
    request = {"guardrailConfig": {"guardrailIdentifier": "g"}} if case.get("guarded") else {}
    calls, malformed = case.get("calls", False), case.get("malformed", False)
    assert stop_reason(case["finish"], calls, malformed, request) == case["reason"]


def test_a_tool_use_is_never_claimed_without_one():
    assert stop_reason("tool_calls", False, False, {}) == "end_turn"


def test_stop_reasons_are_aws_own():
    (reason,) = [
        shape
        for name, shape in schema.service().operation_model("Converse").output_shape.members.items()
        if name == "stopReason"
    ]
    assert {case["reason"] for case in MEMBERS["stop_reasons"]} == set(reason.enum)


@pytest.mark.parametrize(
    ("direction", "side"), [("request", "input_shape"), ("response", "output_shape")]
)
def test_every_member_of_awss_model_is_accounted_for(direction, side):
    rows = [case["member"] for case in MEMBERS[direction]]
    found = {}
    for operation in ("Converse", "ConverseStream"):
        reach(getattr(schema.service().operation_model(operation), side), found)
    members = {f"{shape}.{member}" for shape, names in found.items() for member in names}
    missing = [name for name in sorted(members) if not any(fnmatch(name, row) for row in rows)]
    assert not missing
    idle = [row for row in rows if not any(fnmatch(name, row) for name in members)]
    assert not idle


@pytest.mark.parametrize("direction", ["request", "response"])
def test_every_row_says_how_and_is_shown_by_something(direction):
    for case in MEMBERS[direction]:
        assert case["how"] and case["is"] in (
            *("translated", "read", "refused", "produced", "passed", "unreachable"),
        )
        shown = {"body", "parts", "refused", "message", "events"} & case.keys()
        assert shown or case["is"] == "unreachable", case["member"]


def reach(shape, found) -> None:
    if shape.type_name == "structure" and not shape.is_document_type and shape.name not in found:
        found[shape.name] = list(shape.members)
        for member in shape.members.values():
            reach(member, found)
    elif shape.type_name == "list":
        reach(shape.member, found)
    elif shape.type_name == "map":
        reach(shape.value, found)


def assert_contains(found, expected) -> None:
    """`expected` is in `found`: members of objects, all items of lists in order."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), (found, expected)
        for key, value in expected.items():
            assert key in found, (key, found)
            assert_contains(found[key], value)
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected), (found, expected)
        for item, wanted in zip(found, expected, strict=True):
            assert_contains(item, wanted)
    else:
        assert found == expected
