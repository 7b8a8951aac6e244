"""Tools: calls come out as the model made them, results arrive as the caller gave them."""

from __future__ import annotations

import json

import pytest

from tests.contract.models import OPENAI
from tests.contract.turns import (
    TIDES,
    WEATHER,
    WEATHER_SCHEMA,
    assistant,
    text,
    tool,
    tool_result,
    tool_use,
    tools,
    user,
)

CITY = {"city": "Zürich", "days": 3, "units": "metric"}


def test_a_call(ask, marker):
    words = f"{marker}\ncall: get_weather {json.dumps(CITY)}"
    reply = ask({"messages": [user(words)], "toolConfig": tools(WEATHER, TIDES)})
    assert reply.stop_reason == "tool_use"
    (call,) = reply.calls
    assert call["name"] == "get_weather"
    assert call["input"] == CITY
    assert len(reply.content) == 1


def test_calls_side_by_side(ask, marker):
    """Blocks of a stream never interleave, which the strict client checks."""
    lines = [f'call: get_weather {{"city": "City {n}"}}' for n in range(3)]
    words = "\n".join([marker, *lines, 'call: get_tides {"port": "Kiel"}'])
    reply = ask({"messages": [user(words)], "toolConfig": tools(WEATHER, TIDES)})
    assert [call["name"] for call in reply.calls] == ["get_weather"] * 3 + ["get_tides"]
    assert [call["input"] for call in reply.calls[:3]] == [{"city": f"City {n}"} for n in range(3)]
    assert len({call["toolUseId"] for call in reply.calls}) == 4
    assert reply.stop_reason == "tool_use"


def test_a_call_without_arguments(ask, marker):
    reply = ask(
        {"messages": [user(f"{marker}\ncall: ping {{}}")], "toolConfig": tools(tool("ping"))}
    )
    assert reply.calls[0]["input"] == {}
    assert reply.stop_reason == "tool_use"


def test_deep_arguments(ask, marker):
    arguments = {"rows": [{"n": 1.5, "ok": True, "none": None, "s": 'a "b" \\ ü'}], "empty": {}}
    words = f"{marker}\ncall: store {json.dumps(arguments)}"
    reply = ask({"messages": [user(words)], "toolConfig": tools(tool("store"))})
    assert reply.calls[0]["input"] == arguments


def test_the_specification_arrives_whole(ask, provider, model, marker):
    ask({"messages": [user(f"Hello {marker}")], "toolConfig": tools(WEATHER, TIDES)})
    first, second = provider.only(marker).body["tools" if model == OPENAI else "toolConfig"][
        slice(None) if model == OPENAI else "tools"
    ]
    if model == OPENAI:
        found = first["function"]
        schema = found["parameters"]
    else:
        found = first["toolSpec"]
        schema = found["inputSchema"]["json"]
    assert (found["name"], found["description"]) == ("get_weather", "The weather of a city.")
    assert schema == WEATHER_SCHEMA
    assert "get_tides" in str(second)


@pytest.mark.parametrize("choice", [None, {"auto": {}}], ids=str)
def test_the_model_may_choose_not_to_call(ask, marker, choice):
    config = tools(WEATHER, choice=choice)
    reply = ask({"messages": [user(f"echo: {marker}")], "toolConfig": config})
    assert reply.text == marker
    assert reply.stop_reason == "end_turn"


def test_any_tool_must_be_called(ask, provider, model, marker):
    config = tools(WEATHER, TIDES, choice={"any": {}})
    reply = ask({"messages": [user(marker)], "toolConfig": config})
    assert reply.stop_reason == "tool_use"
    assert len(reply.calls) == 1
    body = provider.only(marker).body
    given = body["tool_choice"] if model == OPENAI else body["toolConfig"]["toolChoice"]
    assert given == ("required" if model == OPENAI else {"any": {}})


def test_one_tool_must_be_called(ask, provider, model, marker):
    """OpenAI ends such an answer with finish_reason "stop"; it is a tool use all the same."""
    config = tools(WEATHER, TIDES, choice={"tool": {"name": "get_tides"}})
    reply = ask({"messages": [user(marker)], "toolConfig": config})
    assert reply.stop_reason == "tool_use"
    assert [call["name"] for call in reply.calls] == ["get_tides"]
    body = provider.only(marker).body
    given = body["tool_choice"] if model == OPENAI else body["toolConfig"]["toolChoice"]
    assert "get_tides" in str(given)


def _answered(*results, marker, calls=1):
    uses = [tool_use(f"call-{n}", "get_weather", {"city": f"City {n}"}) for n in range(calls)]
    turns = [user(f"Ask: {marker}"), assistant("Let me see.", *uses), user(*results)]
    return {"messages": turns, "toolConfig": tools(WEATHER)}


def test_a_result_of_text(ask, provider, marker):
    reply = ask(_answered(tool_result("call-0", text("17 degrees")), marker=marker))
    assert reply.text.startswith("The tool returned 17 degrees.")
    assert reply.stop_reason == "end_turn"
    assert "Let me see." in provider.only(marker).text


def test_a_result_of_json(ask, marker):
    value = {"degrees": 17.5, "wind": {"from": "NW", "gusts": [1, 2]}}
    reply = ask(_answered(tool_result("call-0", {"json": value}), marker=marker))
    told = reply.text.removeprefix("The tool returned ")
    assert json.JSONDecoder().raw_decode(told)[0] == value


def test_a_result_of_several_blocks(ask, marker):
    blocks = [text("17 degrees"), {"json": {"wind": 3}}, text("rain later")]
    reply = ask(_answered(tool_result("call-0", *blocks), marker=marker))
    assert all(part in reply.text for part in ("17 degrees", '"wind"', "rain later"))


def test_a_failed_tool(ask, marker):
    """Chat completions have no place for the status, so the model has to be told in words."""
    result = tool_result("call-0", text("no such city"), status="error")
    reply = ask(_answered(result, marker=marker))
    assert "failed" in reply.text
    assert "no such city" in reply.text


def test_results_side_by_side(ask, provider, marker):
    results = [tool_result(f"call-{n}", text(f"{n} degrees")) for n in range(3)]
    reply = ask(_answered(*results, marker=marker, calls=3))
    said = "The tool returned 0 degrees. The tool returned 1 degrees. The tool returned 2 degrees."
    assert reply.text.startswith(said)
    assert all(f"City {n}" in provider.only(marker).text for n in range(3))


def test_a_result_without_content(ask, marker):
    assert ask(_answered(tool_result("call-0"), marker=marker)).text


def test_words_beside_a_result(ask, provider, marker):
    results = tool_result("call-0", text("17 degrees")), text(f"Now in Fahrenheit, {marker}b")
    ask(_answered(*results, marker=marker))
    received = provider.only(f"{marker}b").text
    assert "17 degrees" in received


def test_call_and_result_keep_their_ids(ask, provider, marker):
    id = "tooluse_Ab-9.x:1"
    turns = [
        user(marker),
        assistant(tool_use(id, "get_weather", CITY)),
        user(tool_result(id, text("17"))),
    ]
    ask({"messages": turns, "toolConfig": tools(WEATHER)})
    assert provider.only(marker).text.count(id) == 2


def test_a_whole_loop(ask, marker):
    """Call, result, call again, result, answer: each answer is sent back as it came."""
    config = {"toolConfig": tools(WEATHER, TIDES)}
    turns = [user(f'{marker}\ncall: get_weather {{"city": "Bern"}}')]
    for more in ('call: get_tides {"port": "Kiel"}', f"echo: done {marker}"):
        reply = ask({"messages": turns, **config})
        assert reply.stop_reason == "tool_use"
        results = [tool_result(call["toolUseId"], text("fine")) for call in reply.calls]
        turns = [
            *turns,
            reply.body["output"]["message"],
            user(*results),
            assistant("Noted."),
            user(more),
        ]
    assert ask({"messages": turns, **config}).text == f"done {marker}"
