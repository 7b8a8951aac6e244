"""What a model said: put together from a whole completion or from the chunks of a stream.

Only the first choice is part of a conversation; a caller who asks for several gets them all, and goes on
from the first.
"""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
# What LiteLLM adds for its own purposes, or says a second time.
_NOT_KEPT = frozenset(("provider_specific_fields", "annotations"))


class Answer:
    """An assistant's message in the making."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.usage: dict[str, Any] | None = None
        self.finish: str | None = None
        self._message: Message = {}
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
                answer.finish = choice.get("finish_reason") or "stop"
                message = choice.get("message")
                answer._message = message if isinstance(message, dict) else {}
        return answer

    def add(self, chunk: dict[str, Any]) -> None:
        """Take in a chunk of a stream."""
        choices = chunk.get("choices")
        if type(choices) is list and len(choices) == 1 and not chunk.get("usage"):
            choice = choices[0]  # as nearly every chunk is: one piece of text
            if choice.get("index", 0) == 0:
                self._take(choice)
            return
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
        said = self._message or self._collected()
        kept = {
            name: value
            for name, value in said.items()
            if value not in (None, [], "") and name not in _NOT_KEPT and name != "role"
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

    def _note(self, said: dict[str, Any]) -> None:
        model, usage = said.get("model"), said.get("usage")
        self.model = model if isinstance(model, str) else self.model
        self.usage = usage if isinstance(usage, dict) else self.usage

    def _take(self, choice: dict[str, Any]) -> None:
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice.get("delta")
        if not delta:
            return
        for name, value in delta.items():
            if not value:
                continue
            match name:
                case "content" | "refusal":
                    self._text.append(value)
                case "reasoning_content":
                    self._reasoning.append(value)
                case "thinking_blocks":
                    for block in value:
                        self._think(block)
                case "tool_calls":
                    for call in value:
                        self._call(call)

    def _think(self, block: Message) -> None:
        last = self._thoughts[-1] if self._thoughts else None
        goes_on = last and last["type"] == block.get("type") == "thinking"
        if last and goes_on and "signature" not in last:
            last["thinking"] += block.get("thinking") or ""
            if block.get("signature"):
                last["signature"] = block["signature"]
        elif block.get("thinking") or block.get("data"):
            self._thoughts.append({name: value for name, value in block.items() if value})

    def _call(self, call: Message) -> None:
        number = call.get("index") or 0
        function = call.get("function") or {}
        known = self._calls.get(number)
        if known is None:
            rest = {name: value for name, value in call.items() if name != "index" and value}
            named = {"name": function.get("name"), "arguments": function.get("arguments") or ""}
            self._calls[number] = {"type": "function", **rest, "function": named}
        else:
            known["function"]["arguments"] += function.get("arguments") or ""


def _first(said: dict[str, Any]) -> list[dict[str, Any]]:
    choices = said.get("choices")
    found = choices if isinstance(choices, list) else []
    return [one for one in found if isinstance(one, dict) and not one.get("index")][:1]
