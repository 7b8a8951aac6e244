"""The ids by which tool calls and their results belong together, in AWS's form.

Chat completions' ids may have any form, may be absent, and of some providers come again with every call.
AWS's may not, and both sides of a call have to have the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from middleware.bedrock.response import tool_use_id


@dataclass(frozen=True, slots=True)
class _Call:
    given: str
    name: str
    identifier: str


class Calls:
    """The calls of one conversation, in its order."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()
        self._open: list[_Call] = []

    def turn(self) -> None:
        """The assistant's next turn begins; what was not answered before it is not answered any more."""
        self._open.clear()

    def called(self, given: str, name: str) -> str:
        """The id of a new call.

        Args:
            given: its id; empty where it has none.
            name: the tool's name.
        """
        identifier = self._identifier(given)
        if any(call.identifier == identifier for call in self._open):
            identifier = self._free(identifier)
        self._open.append(_Call(given, name, identifier))
        return identifier

    def answered(self, given: str, name: str) -> str:
        """The id of the call that a result answers, found by the id or else by the name."""
        for index, call in enumerate(self._open):
            if call.given == given if given else name in (call.name, ""):
                del self._open[index]
                return call.identifier
        return self._identifier(given)

    def _identifier(self, given: str) -> str:
        if not given:
            return self._free(tool_use_id("", len(self._taken)))
        if given not in self._known:
            self._known[given] = self._free(tool_use_id(given, 0))
        return self._known[given]

    def _free(self, wanted: str) -> str:
        number, free = 1, wanted
        while free in self._taken:
            number += 1
            free = f"{wanted[:56]}-{number}"
        self._taken.add(free)
        return free
