"""What a model said: put together from a whole completion or from the chunks of a stream.

Only the first choice is part of a conversation; a caller who asks for several gets them all, and goes on
from the first.
"""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
# What LiteLLM adds for its own purposes, or says a second time.
_NOT_KEPT = frozenset(("role", "provider_specific_fields", "annotations"))
_TYPES: dict[str, type] = {
    "content": str,
    "refusal": str,
    "reasoning_content": str,
    "thinking_blocks": list,
    "tool_calls": list,
    "function_call": dict,
}


class Answer:
    """An assistant's message in the making."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.usage: dict[str, Any] | None = None
        self.finish: str | None = None
        self._whole: Message | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._thoughts: list[Message] = []
        self._calls: dict[int, Message] = {}

    @classmethod
    def of(cls, completion: Any) -> Answer:
        """The answer of a completion; an empty one where it is none."""
        answer = cls()
        if isinstance(completion, dict):
            answer._note(completion)
            for choice in _first(completion):
                message, finish = choice.get("message"), choice.get("finish_reason")
                if isinstance(message, dict):
                    answer.finish = finish if isinstance(finish, str) else "stop"
                    answer._whole = _checked(message)
        return answer

    def add(self, chunk: Message) -> None:
        """Take in a chunk of a stream."""
        if self.model is None or chunk.get("usage"):
            self._note(chunk)
        for choice in _first(chunk):
            self._take(choice)

    @property
    def cost(self) -> float | None:
        """Dollars, where the usage says so, as LiteLLM's does at the end of a stream."""
        cost = (self.usage or {}).get("cost")
        return float(cost) if isinstance(cost, int | float) else None

    def message(self) -> Message | None:
        """The message so far, in the form in which it can be part of a conversation; None for nothing."""
        said = self._whole if self._whole is not None else self._collected()
        kept = {
            name: value
            for name, value in said.items()
            if name not in _NOT_KEPT and value not in (None, [], "")
        }
        if not kept and self.finish is None:
            return None
        if "thinking_blocks" in kept:
            kept.pop("reasoning_content", None)
        content = kept.pop("content", None if kept else "")
        return {"role": "assistant", "content": content, **kept}

    def _collected(self) -> Message:
        return {
            "content": "".join(self._text),
            "reasoning_content": "".join(self._reasoning),
            "thinking_blocks": self._thoughts,
            "tool_calls": [self._calls[number] for number in sorted(self._calls)],
        }

    def _note(self, said: Message) -> None:
        model, usage = said.get("model"), said.get("usage")
        self.model = model if isinstance(model, str) else self.model
        self.usage = usage if isinstance(usage, dict) else self.usage

    def _take(self, choice: Message) -> None:
        finish, delta = choice.get("finish_reason"), choice.get("delta")
        if isinstance(finish, str):
            self.finish = finish
        if not isinstance(delta, dict):
            return
        for name, value in delta.items():
            if not value:
                continue
            match name, value:
                case "content" | "refusal", str():
                    self._text.append(value)
                case "reasoning_content", str():
                    self._reasoning.append(value)
                case "thinking_blocks", list():
                    for block in _objects(value):
                        self._think(block)
                case "tool_calls", list():
                    for call in _objects(value):
                        self._call(call)

    def _think(self, block: Message) -> None:
        block = {name: value for name, value in block.items() if value and isinstance(value, str)}
        last = self._thoughts[-1] if self._thoughts else {}
        goes_on = last.get("type") == block.get("type") == "thinking"
        if goes_on and "signature" not in last:
            last["thinking"] = last.get("thinking", "") + block.get("thinking", "")
            if "signature" in block:
                last["signature"] = block["signature"]
        elif block:
            self._thoughts.append(block)

    def _call(self, call: Message) -> None:
        number = call.get("index")
        number = number if isinstance(number, int) else 0
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name"), function.get("arguments")
        piece = arguments if isinstance(arguments, str) else ""
        known = self._calls.get(number)
        if known is None:
            rest = {key: value for key, value in call.items() if key != "index" and value}
            begun = {"name": name if isinstance(name, str) else "", "arguments": piece}
            self._calls[number] = {"type": "function", **rest, "function": begun}
        else:
            known["function"]["arguments"] += piece


def _first(said: Message) -> list[Message]:
    return [one for one in _objects(said.get("choices")) if not one.get("index")][:1]


def _objects(given: Any) -> list[Message]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _checked(message: Message) -> Message:
    """A whole message with what has the type that it should have."""
    return {
        name: value
        for name, value in message.items()
        if isinstance(value, _TYPES.get(name, object))
    }
