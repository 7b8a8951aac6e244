"""A kept conversation as Converse has it: the way back of `bedrock.messages`, for messages of any origin.

Converse is stricter than chat completions. Its roles take turns, a user begins, no text is blank, and ids
and names have AWS's form. What it has no block for is told in a text, so that nothing is missing unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from middleware.bedrock.messages import FAILED
from middleware.history.blocks import (
    Block,
    block,
    cache_point,
    is_blank,
    listed,
    parts,
    told,
    tool_arguments,
    tool_name,
)
from middleware.history.calls import Calls

Message = dict[str, Any]
BEGINNING = "(The assistant begins.)"
"""What a user says before an assistant who speaks first: a conversation begins with a user."""
DOCUMENTS = "(See the documents.)"
"""The text of a turn that has documents and no text, which AWS does not take."""
NOTHING = "(nothing)"
"""The result of a tool that returned nothing; not every model takes an empty one."""

_SYSTEM = frozenset(("text", "guardContent"))
_ASSISTANT = frozenset(("text", "reasoningContent"))
_USER = frozenset(("text", "image", "document", "video", "audio", "guardContent"))
_RESULT = _USER - {"guardContent"}


def converse_history(messages: list[Message]) -> dict[str, Any]:
    """The conversation as `messages` and `system` of a Converse request; bytes are base64 text."""
    conversation = _Conversation()
    for message in messages:
        conversation.add(message)
    return conversation.rendered()


@dataclass(slots=True)
class _Turn:
    """What one role says before the other does."""

    role: str
    first: list[Block] = field(default_factory=list)
    """What AWS wants before the rest: results of tools, thoughts."""
    then: list[Block] = field(default_factory=list)
    last: list[Block] = field(default_factory=list)
    """What AWS wants after the rest: calls of tools."""

    def add_result(self, identifier: str, content: list[Block], *, has_failed: bool) -> None:
        """Add a tool's result; two of one call are one, as AWS has it."""
        for one in self.first:
            result = one.get("toolResult")
            if result and result["toolUseId"] == identifier:
                break
        else:
            result = {"toolUseId": identifier, "content": []}
            self.first.append({"toolResult": result})
        result["content"] += content
        if has_failed:
            result["status"] = "error"

    def rendered(self) -> dict[str, Any]:
        for one in self.first:
            if "toolResult" in one and not one["toolResult"]["content"]:
                one["toolResult"]["content"].append({"text": NOTHING})
        kinds = {kind for one in self.then for kind in one}
        if "document" in kinds and "text" not in kinds:
            self.then.insert(0, {"text": DOCUMENTS})
        return {"role": self.role, "content": [*self.first, *self.then, *self.last]}


class _Conversation:
    """The turns so far."""

    def __init__(self) -> None:
        self._system: list[Block] = []
        self._turns: list[_Turn] = []
        self._calls = Calls()
        self._names: set[str] = set()

    def add(self, message: Message) -> None:
        match message.get("role"):
            case "system" | "developer":
                self._system += self._blocks(message, _SYSTEM)
            case "assistant":
                self._assistant(message)
            case "tool" | "function":
                self._result(message)
            case _:
                if blocks := self._blocks(message, _USER):
                    self._turn("user").then += blocks

    def rendered(self) -> dict[str, Any]:
        if self._turns and self._turns[0].role == "assistant":
            self._turns.insert(0, _Turn("user", then=[{"text": BEGINNING}]))
        return {"messages": [turn.rendered() for turn in self._turns], "system": self._system}

    def _turn(self, role: str) -> _Turn:
        """The turn that a role is at, or begins."""
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
            if role == "assistant":
                self._calls.turn()
        return self._turns[-1]

    def _assistant(self, message: Message) -> None:
        blocks = [*self._thoughts(message), *self._blocks(message, _ASSISTANT)]
        calls = [*(message.get("tool_calls") or ())]
        if message.get("function_call"):
            calls.append({"function": message["function_call"]})
        if not blocks and not calls:
            return
        turn = self._turn("assistant")
        for one in blocks:
            (turn.first if "reasoningContent" in one else turn.then).append(one)
        for call in calls:
            turn.last += self._call(call if isinstance(call, dict) else {"function": call})

    def _thoughts(self, message: Message) -> Iterator[Block]:
        thoughts = listed(message.get("thinking_blocks"))
        if not thoughts and message.get("reasoning_content"):
            thoughts = [{"type": "thinking", "thinking": message["reasoning_content"]}]
        for thought in thoughts:
            yield from self._block(thought, _ASSISTANT)

    def _call(self, call: dict[str, Any]) -> Iterator[Block]:
        function = call.get("function") or call.get("custom") or {}
        if not isinstance(function, dict):
            function = {"arguments": function}
        name = tool_name(function.get("name"))
        use = {
            "toolUseId": self._calls.called(str(call.get("id") or ""), name),
            "name": name,
            "input": tool_arguments(function.get("arguments", function.get("input"))),
        }
        yield {"toolUse": use}
        yield from cache_point(call)

    def _result(self, message: Message) -> None:
        said = list(parts(message))
        begins = told(said[0]) if said else ""
        if has_failed := begins.startswith(FAILED):
            said[0] = {"type": "text", "text": begins.removeprefix(FAILED).lstrip()}
        name = tool_name(message["name"]) if message.get("name") else ""
        identifier = self._calls.answered(str(message.get("tool_call_id") or ""), name)
        result, beside, points = _sorted(one for part in said for one in self._block(part, _RESULT))
        turn = self._turn("user")
        turn.add_result(identifier, result, has_failed=has_failed)
        turn.first += [*points, *cache_point(message)][:1]
        if beside:
            turn.then.append({"text": f"From the result of the tool call {identifier}:"})
            turn.then += beside

    def _blocks(self, message: Message, allowed: frozenset[str]) -> list[Block]:
        blocks = [one for part in parts(message) for one in self._block(part, allowed)]
        return [*blocks, *cache_point(message)] if blocks else []

    def _block(self, part: Any, allowed: frozenset[str]) -> Iterator[Block]:
        """The block of a part and the cache point after it; nothing for nothing."""
        made = block(part)
        if made and allowed is _SYSTEM and made.get("image", {}).get("format") in ("png", "jpeg"):
            made = {"guardContent": made}
        if made is None or not made.keys() & allowed:
            made = {"text": told(part)}
        if not is_blank(made):
            self._name(made.get("document"))
            yield made
            yield from cache_point(part)

    def _name(self, document: Block | None) -> None:
        """Give a document a name that no other has, on which AWS insists."""
        if document:
            name, number = document["name"], 1
            while document["name"] in self._names:
                number += 1
                document["name"] = f"{name} ({number})"
            self._names.add(document["name"])


def _sorted(blocks: Iterable[Block]) -> tuple[list[Block], list[Block], list[Block]]:
    """What a tool's result can hold, what has to stand beside it, and its cache points."""
    inside: list[Block] = []
    beside: list[Block] = []
    points: list[Block] = []
    for one in blocks:
        place = beside if "audio" in one else points if "cachePoint" in one else inside
        place.append(one)
    return inside, beside, points
