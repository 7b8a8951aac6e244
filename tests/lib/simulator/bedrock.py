"""What the tests of Bedrock's wire ask with and read with: models, tools, messages, streams."""

from contextlib import closing

NOVA = "amazon.nova-lite-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU45 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                    }
                },
            }
        },
        {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}},
    ]
}


def drain(stream):
    with closing(stream):
        return list(stream)


def user(text, *more):
    return [{"role": "user", "content": [{"text": text}, *more]}]


def text_of(answer):
    return "".join(b.get("text", "") for b in answer["output"]["message"]["content"])
