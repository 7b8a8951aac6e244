"""Valid requests, which the fuzzer mutates: each operation, and every kind of member that is served."""

from __future__ import annotations

import base64
import json
from typing import Any

Body = dict[str, Any]
_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
_IMAGE = {"image": {"format": "png", "source": {"bytes": _PNG}}}
_PDF = {"document": {"format": "pdf", "name": "report", "source": {"bytes": _PNG}}}
_NOTE = {
    "document": {
        "format": "txt",
        "name": "note",
        "source": {"bytes": base64.b64encode("Größe".encode()).decode()},
        "context": "from the archive",
    }
}
_TOOL = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather in a city",
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
        "strict": True,
    }
}
_USE = {
    "toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Bonn", "days": 2.5}}
}
_RESULT = {
    "toolResult": {
        "toolUseId": "call_1",
        "content": [{"json": {"celsius": 7, "sun": None}}, {"text": "cloudy"}, _IMAGE],
        "status": "success",
    }
}
_THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2lnbmVk"}}}
_POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}
_SCHEMA = json.dumps({"type": "object", "properties": {"answer": {"type": "string"}}})


def _user(*content: Body) -> Body:
    return {"role": "user", "content": list(content)}


HELLO: Body = {"messages": [_user({"text": "Hello"})]}
CONVERSATIONS: list[Body] = [
    HELLO,
    {
        **HELLO,
        "system": [{"text": "Be brief."}, _POINT],
        "inferenceConfig": {
            "maxTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "stopSequences": ["\n\n", "END"],
        },
        "requestMetadata": {"team": "search"},
        "serviceTier": {"type": "priority"},
        "performanceConfig": {"latency": "standard"},
        "additionalModelRequestFields": {"top_k": 5, "thinking": {"type": "enabled"}},
        "additionalModelResponseFieldPaths": ["/usage/prompt_tokens", "/choices/0/index", "/none"],
    },
    {"messages": [_user({"text": "Look at these"}, _IMAGE, _PDF, _NOTE, _POINT)]},
    {
        "messages": [
            _user({"text": "And the weather?"}),
            {"role": "assistant", "content": [_THOUGHT, {"text": "I ask."}, _USE]},
            _user(_RESULT, {"text": "Well?"}),
        ],
        "toolConfig": {"tools": [_TOOL, _POINT], "toolChoice": {"tool": {"name": "weather"}}},
    },
    {
        "messages": [
            _user({"text": "Again"}),
            {
                "role": "assistant",
                "content": [{"reasoningContent": {"redactedContent": _PNG}}, _USE],
            },
            _user({"toolResult": {"toolUseId": "call_1", "content": [], "status": "error"}}),
        ],
        "toolConfig": {"tools": [_TOOL], "toolChoice": {"any": {}}},
        "guardrailConfig": {
            "guardrailIdentifier": "gr1",
            "guardrailVersion": "1",
            "trace": "disabled",
        },
    },
    {
        "messages": [_user({"guardContent": {"text": {"text": "guard me"}}})],
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"name": "answer", "schema": _SCHEMA}},
            }
        },
    },
    {
        "messages": [
            _user(
                {
                    "searchResult": {
                        "source": "https://example.com",
                        "title": "Found",
                        "content": [{"text": "this"}],
                        "citations": {"enabled": False},
                    }
                },
                {"video": {"format": "mp4", "source": {"bytes": _PNG}}},
            )
        ]
    },
    {"messages": [_user({"audio": {"format": "mp3", "source": {"bytes": _PNG}}})]},
]
ANTHROPIC: Body = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "metadata": {"user_id": "u"},
}
_ENCODED = base64.b64encode(json.dumps(ANTHROPIC).encode()).decode()
COUNTED: list[Body] = [
    *({"input": {"converse": {"messages": one["messages"]}}} for one in CONVERSATIONS),
    {"input": {"invokeModel": {"body": _ENCODED}}},
]
GUARDED: Body = {"source": "INPUT", "content": [{"text": {"text": "fine"}}]}
REQUESTS: list[tuple[str, Body]] = [
    *(("converse", one) for one in CONVERSATIONS),
    *(("converse-stream", one) for one in CONVERSATIONS),
    *(("count-tokens", one) for one in COUNTED),
    ("invoke", ANTHROPIC),
    ("invoke-with-response-stream", ANTHROPIC),
    ("invoke", {"inputText": "native"}),
    ("apply", GUARDED),
]
