"""Members of Converse that not every provider has: taken there, or refused by name, never dropped."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_4_5
from tests.contract.strict import refusal
from tests.contract.turns import (
    WEATHER,
    assistant,
    document,
    pdf,
    text,
    tool_result,
    tool_use,
    tools,
    user,
)

PARIS = text("Paris is in France.")
SEARCH_RESULT = {"searchResult": {"source": "https://a.example", "title": "A", "content": [PARIS]}}
MEMBERS = {
    "top_k": ({"additionalModelRequestFields": {"top_k": 41}}, "41"),
    "performance": ({"performanceConfig": {"latency": "optimized"}}, "optimized"),
    "tier": ({"serviceTier": {"type": "flex"}}, "flex"),
    "reserved tier": ({"serviceTier": {"type": "reserved"}}, "reserved"),
    "prompt variables": ({"promptVariables": {"topic": {"text": "orchids"}}}, "orchids"),
}
BLOCKS = {
    "guard content": ({"guardContent": {"text": {"text": "orchids"}}}, "orchids"),
    "search result": (SEARCH_RESULT, "Paris is in France."),
    "citations": (
        {"document": document(pdf("x"))["document"] | {"citations": {"enabled": True}}},
        "citations",
    ),
}


def _honoured_or_refused(strict, provider, operation, model, marker, body, evidence):
    response = strict.send(operation, model, body)
    if response.status_code == 200:
        strict.ask(operation, model, body)
        assert any(evidence in received.text for received in provider.received(marker))
    else:
        assert refusal(operation, response).name == "ValidationException"


@pytest.mark.parametrize(("member", "evidence"), MEMBERS.values(), ids=MEMBERS)
def test_members(strict, provider, operation, model, marker, member, evidence):
    body = {"messages": [user(f"echo: {marker}")], **member}
    _honoured_or_refused(strict, provider, operation, model, marker, body, evidence)


@pytest.mark.parametrize(("block", "evidence"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(strict, provider, operation, model, marker, block, evidence):
    body = {"messages": [user(f"Hello {marker}", block)]}
    _honoured_or_refused(strict, provider, operation, model, marker, body, evidence)


def test_a_search_result_of_a_tool(strict, provider, operation, model, marker):
    turns = [
        user(marker),
        assistant(tool_use("call-1", "get_weather", {"city": "Paris"})),
        user(tool_result("call-1", SEARCH_RESULT)),
    ]
    body = {"messages": turns, "toolConfig": tools(WEATHER)}
    _honoured_or_refused(strict, provider, operation, model, marker, body, "Paris is in France.")


def test_top_k_reaches_a_model_that_has_it(strict, provider, operation, marker):
    fields = {"additionalModelRequestFields": {"top_k": 41}}
    strict.ask(operation, HAIKU_4_5, {"messages": [user(marker)], **fields})
    assert provider.only(marker).body["additionalModelRequestFields"]["top_k"] == 41


def test_fields_of_the_response(ask, marker):
    """The pointer names nothing here; asking for it is fine all the same."""
    body = {"messages": [user(f"echo: {marker}")]}
    reply = ask({**body, "additionalModelResponseFieldPaths": ["/stop_sequence"]})
    assert reply.text == marker


@pytest.mark.parametrize(
    "reason", ["content_filtered", "malformed_tool_use", "guardrail_intervened"]
)
def test_whatever_ends_an_answer_is_a_reason_of_converse(ask, provider, model, marker, reason):
    """Chat completions tell fewer reasons apart than Converse; the strict client checks the value."""
    provider.fail(model, "stop_reason", stop_reason=reason)
    assert ask({"messages": [user(f"echo: {marker}")]}).stop_reason
