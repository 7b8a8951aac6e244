"""Instances of JSON schemas."""

import jsonschema
import pytest

from gateway_lib.simulator.refusals import Refusal
from gateway_lib.simulator.schemas import Hints, instance

SCHEMAS = [
    {"type": "integer", "minimum": 10, "multipleOf": 7},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": ["string", "null"], "minLength": 40},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date-time"},
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{3}$"},
    {"enum": [3, "x"]},
    {"const": {"a": [1]}},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "maxItems": 3},
    {"type": "object", "required": ["free"]},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {
                "properties": {"b": {"oneOf": [{"type": "null"}, {"type": "string"}]}},
                "required": ["b"],
            },
        ]
    },
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#"}},
        },
        "required": ["name", "children"],
        "additionalProperties": False,
    },
    {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                "required": ["next"],
                "additionalProperties": False,
            }
        },
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:40])
@pytest.mark.parametrize("message", ["", "Take 21 or 0.5 of 'Blue' in Paris, not -3."])
def test_instances_are_valid(schema, message):
    value = instance(schema, Hints.from_message(message))
    jsonschema.Draft202012Validator(schema).validate(value)


def test_values_come_from_the_message():
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"enum": ["celsius", "Kelvin"]},
        },
    }
    hints = Hints.from_message("The weather in New York for 5 days, in Kelvin.")
    assert instance(schema, hints) == {"city": "New York", "days": 5, "unit": "Kelvin"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"type": "string", "pattern": "^never-[0-9]{40}$"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "colour"},
    ],
)
def test_what_cannot_be_satisfied_is_refused(schema):
    with pytest.raises(Refusal):
        instance(schema, Hints())
