"""A conversation about the weather: a picture, a tool, and its first turns as either interface has them."""

from __future__ import annotations

import base64
import json

from tests.contract.turns import png

PICTURE = png(120)
IMAGE_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
IMAGE_PART = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "A city's.", "parameters": SCHEMA},
    }
]
TOOL_CONFIG = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "description": "A city's.",
                "inputSchema": {"json": SCHEMA},
            }
        }
    ]
}


def in_openais_form(city, call):
    """The first turns of a conversation about the weather, as OpenAI's wire has them."""
    arguments = json.dumps({"city": city}, separators=(",", ":"))
    function = {"name": "get_weather", "arguments": arguments}
    return [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [{"type": "text", "text": asking(city)}, IMAGE_PART],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call, "content": "mild"},
    ]


def in_converses_form(city, call):
    """The same as Converse has it, the system text apart."""
    use = {"toolUseId": call, "name": "get_weather", "input": {"city": city}}
    image = {"format": "png", "source": {"bytes": base64.b64encode(PICTURE).decode()}}
    return [
        {"role": "user", "content": [{"text": asking(city)}, {"image": image}]},
        {"role": "assistant", "content": [{"toolUse": use}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": call, "content": [{"text": "mild"}]}}],
        },
    ]


def asking(city):
    return f'call: get_weather {{"city": "{city}"}}'


def normal(message):
    """A message of OpenAI's without members that are null, and its arguments read."""
    kept = {name: value for name, value in message.items() if value is not None}
    for call in kept.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        call.pop("index", None)
    return kept


def assert_provider_saw_the_weather(received, city, call, *rest):
    """The image and the tool's blocks in the provider's own form, then `rest` as (role, text)."""
    if received.wire == "openai":
        wanted = [*in_openais_form(city, call), *({"role": r, "content": t} for r, t in rest)]
        assert [normal(m) for m in received.body["messages"]] == [normal(m) for m in wanted]
    else:
        wanted = in_converses_form(city, call)
        wanted += [{"role": role, "content": [{"text": text}]} for role, text in rest]
        assert received.body["messages"] == wanted
        assert received.body["system"] == [{"text": "Be kind."}]
