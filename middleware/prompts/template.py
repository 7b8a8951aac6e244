"""A prompt with places for variables, and the prompt with the variables in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from middleware.json_object import encoded
from middleware.prompts.errors import InvalidVariables, PromptUnusable
from middleware.prompts.variant import Json, Variant

_PLACEHOLDER = re.compile(r"\{\{\s*((?:[0-9a-zA-Z][_-]?){1,100})\s*\}\}")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt with its variables in place; whoever has it may change it."""

    model_id: str
    """The model as the prompt names it: an id, or the ARN of a model or an inference profile."""
    converse: Json
    """The body of a Converse request."""


@dataclass(frozen=True, slots=True)
class Template:
    """What is kept of a prompt."""

    model_id: str
    needed: frozenset[str]
    converse: bytes
    """JSON, so that each rendering is of its own and what is kept cannot be changed."""

    @classmethod
    def of(cls, variant: Variant) -> Template:
        """The template of a variant; it needs the variables that are declared and those that it uses.

        Raises:
            PromptUnusable: it is nested too deeply to be written as JSON.
        """
        used = {
            name
            for block in _texts(variant.converse)
            for name in _PLACEHOLDER.findall(block["text"])
        }
        converse = encoded(variant.converse, PromptUnusable, "prompt")
        return cls(variant.model_id, variant.variables | used, converse)

    def render(self, variables: Mapping[str, Any] | None) -> Rendered:
        """The prompt with `variables`, each `{"text": value}`, in the places that have their names.

        The template is gone over once: what a value says is never taken for a place.

        Raises:
            InvalidVariables: one is missing, is too many, or is not of that form.
        """
        values = self._values(variables)
        converse = orjson.loads(self.converse)
        for block in _texts(converse):
            block["text"] = _PLACEHOLDER.sub(lambda place: values[place[1]], block["text"])
        return Rendered(self.model_id, converse)

    def _values(self, variables: Mapping[str, Any] | None) -> dict[str, str]:
        given = {} if variables is None else variables
        if not isinstance(given, Mapping):
            raise InvalidVariables("promptVariables must be an object.")
        wrong = []
        if missing := self.needed - given.keys():
            wrong.append(f"The prompt needs variables that were not given: {_listed(missing)}.")
        if surplus := given.keys() - self.needed:
            wrong.append(f"The prompt has no variables of these names: {_listed(surplus)}.")
        if wrong:
            raise InvalidVariables(" ".join(wrong))
        return {name: _text(name, value) for name, value in given.items()}


def _texts(converse: Json) -> Iterator[Json]:
    """The blocks in which variables are looked for."""
    yield from (block for block in converse.get("system", ()) if "text" in block)
    for message in converse["messages"]:
        yield from (block for block in message["content"] if "text" in block)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, Mapping) or value.keys() != {"text"}:
        raise InvalidVariables(f'The value of the variable {name!r} must be {{"text": "..."}}.')
    text = value["text"]
    if not isinstance(text, str):
        raise InvalidVariables(f"The text of the variable {name!r} must be a string.")
    return text


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown = ", ".join(repr(name[:100]) for name in ordered[:_SHOWN])
    return f"{shown} and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else shown
