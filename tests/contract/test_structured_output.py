"""Answers in the form of a JSON schema."""

from __future__ import annotations

import json

from tests.contract.turns import user

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "legs": {"type": "integer"},
        "kind": {"type": "string", "enum": ["mammal", "bird"]},
    },
    "required": ["name", "legs", "kind"],
    "additionalProperties": False,
}


def _config(schema):
    form = {"jsonSchema": {"name": "animal", "schema": json.dumps(schema)}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": form}}}


def test_the_answer_has_the_form(ask, provider, marker):
    words = f'{marker}: "Hansi", my "bird" with 2 legs'
    reply = ask({"messages": [user(words)], **_config(SCHEMA)})
    assert json.loads(reply.text) == {"name": "Hansi", "legs": 2, "kind": "bird"}
    assert reply.calls == []
    assert reply.stop_reason == "end_turn"


def test_a_schema_that_is_no_json(strict, operation, model, marker):
    form = {"jsonSchema": {"name": "animal", "schema": "{not json"}}
    body = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": form}}}
    refused = strict.refused(operation, model, {"messages": [user(marker)], **body})
    assert refused.name == "ValidationException"
