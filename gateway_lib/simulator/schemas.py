"""Instances of JSON schemas.

A model asked for structured output, or calling a tool, must produce JSON that is valid for the
caller's schema. This builds such an instance, taking values from the user's message where types
allow (numbers, quoted or capitalised words), so that tool arguments look like an answer to it.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.refusals import invalid

_DEPTH = 12
_FORMATS = {
    "date": "2024-05-01",
    "date-time": "2024-05-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c0d52-8a0e-4a76-9c31-0d8f5d4e2b11",
}
_PATTERN_CANDIDATES = (
    "a", "A", "abc", "ABC", "1", "12", "123", "1234", "12345", "A1", "ABC-123", "a_b", "#00ff00",
    "12-34", "123-45-6789", "+15550100", "USD", "en-US",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hints:
    """Values for an instance: the answer as text, numbers and words found in the message."""

    answer: str = ""
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def from_message(cls, message: str, answer: str = "") -> "Hints":
        numbers = tuple(float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", message))
        quoted = re.findall(r"[\"'“]([^\"'“”]{1,60})[\"'”]", message)
        named = re.findall(r"(?<=[a-z,] )[A-Z]\w+(?: [A-Z]\w+)*", message)
        return cls(answer, numbers, (*quoted, *named))


def instance(schema: Json, hints: Hints) -> Any:
    """Return a value valid for the schema.

    Raises:
        Refusal: The schema uses what this cannot satisfy (a reference that leads nowhere, an
            unusual pattern, recursion without end).
    """
    try:
        return _Builder(schema, hints).build(schema, "", 0)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, re.error) as error:
        # A keyword of the wrong type; checking each against the meta-schema would say no more.
        raise invalid(f"Invalid schema: {error}") from error


class _Builder:
    def __init__(self, root: Json, hints: Hints) -> None:
        self._root = root
        self._hints = hints
        self._numbers = list(hints.numbers)
        self._words = list(hints.words)

    def build(self, schema: Any, name: str, depth: int) -> Any:
        if depth > _DEPTH:
            raise invalid("the schema is recursive without an end")
        if schema is True or schema == {}:
            return "example"
        schema = self._merged(schema, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choose(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._first_that_ends(schema[key], name, depth)
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return self._number(schema, integer=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case "string":
                return self._string(schema, name)
        _unsupported(f"type {kind!r}")

    def _merged(self, schema: Any, name: str) -> Json:
        """Resolve a reference and fold ``allOf`` into one schema."""
        if not isinstance(schema, dict):
            _unsupported(f"schema of {name or 'root'} is not an object")
        if "$ref" in schema:
            return self._merged(self._resolve(schema["$ref"]), name)
        merged = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema.get("allOf", []):
            for key, value in self._merged(part, name).items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def _resolve(self, reference: str) -> Any:
        node: Any = self._root
        if not reference.startswith("#"):
            _unsupported(f"reference {reference!r}")
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                _unsupported(f"reference {reference!r} leads nowhere")
            node = node[key]
        return node

    def _first_that_ends(self, options: Iterable[Any], name: str, depth: int) -> Any:
        """Build the first option, or where it recurses without end the next one."""
        last: Exception | None = None
        numbers, words = list(self._numbers), list(self._words)
        for option in sorted(
            options, key=lambda o: isinstance(o, dict) and o.get("type") == "null"
        ):
            try:
                return self.build(option, name, depth + 1)
            except Exception as error:
                last = error
                self._numbers, self._words = list(numbers), list(words)
        raise last or invalid("the schema has an empty choice")

    def _choose(self, values: list[Any]) -> Any:
        said = {word.lower() for word in (*self._hints.words, *self._hints.answer.split())}
        return next((v for v in values if str(v).lower() in said), values[0])

    def _object(self, schema: Json, depth: int) -> Json:
        required = schema.get("required", [])
        built: Json = {}
        for key, part in schema.get("properties", {}).items():
            if key in required or depth < 3:
                built[key] = self.build(part, key, depth + 1)
        for key in required:
            built.setdefault(key, "example")
        return built

    def _array(self, schema: Json, name: str, depth: int) -> list[Any]:
        if depth > 6 and not schema.get("minItems"):
            return []
        size = max(1, schema.get("minItems", 1))
        size = min(size, schema.get("maxItems", size))
        return [self.build(schema.get("items", True), name, depth + 1) for _ in range(size)]

    def _number(self, schema: Json, *, integer: bool) -> float:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        step = schema.get("multipleOf", 1 if integer else None)
        if "exclusiveMinimum" in schema:
            low = max(low, schema["exclusiveMinimum"] + (step or 1e-6))
        if "exclusiveMaximum" in schema:
            high = min(high, schema["exclusiveMaximum"] - (step or 1e-6))
        for at, value in enumerate(self._numbers):
            whole = value == int(value)
            if low <= value <= high and (whole or not integer) and not (step and value % step):
                del self._numbers[at]
                return int(value) if integer or whole else value
        value = min(max(1.0, low), high)
        if step:
            value = math.ceil(value / step) * step
        if not low <= value <= high:
            _unsupported("numeric bounds")
        return int(value) if integer or value == int(value) else value

    def _string(self, schema: Json, name: str) -> str:
        if "pattern" in schema:
            pattern = schema["pattern"]
            found = next((c for c in _PATTERN_CANDIDATES if re.search(pattern, c)), None)
            if found is None:
                _unsupported(f"pattern {pattern!r}")
            return found
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if name.lower() in {"answer", "final_answer", "result"} and self._hints.answer:
            text = self._hints.answer
        else:
            text = self._words.pop(0) if self._words else f"example {name}".strip()
        text = text.ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]


def _unsupported(what: str) -> NoReturn:
    raise invalid(f"Invalid schema for the simulated model: {what} is not supported")
