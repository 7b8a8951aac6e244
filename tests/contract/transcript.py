"""What the events of a ConverseStream response add up to, and whether they came in AWS's order.

messageStart; then block after block, each with at least one delta between its start, which only blocks of
a tool use, a tool result or an image have, and its stop; then messageStop and exactly one metadata.
Indexes count from 0 and blocks never interleave. An exception may end the stream anywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.contract.frames import Frame

WITH_START = frozenset({"toolUse", "toolResult", "image"})


@dataclass
class Transcript:
    """A stream read so far."""

    content: list[dict[str, Any]] = field(default_factory=list)
    stop: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    exception: Frame | None = None
    wrong: list[str] = field(default_factory=list)
    deltas: int = 0
    _open: int | None = None
    _kind: str | None = None
    _started: bool = False
    _parts: list[dict[str, Any]] = field(default_factory=list)
    _head: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, frames: list[Frame]) -> Transcript:
        """Read a whole stream."""
        transcript = cls()
        for number, frame in enumerate(frames):
            transcript._read(frame, f"frame {number}, {frame.name}")
        if not transcript.exception and not transcript.metadata:
            transcript.wrong.append("the stream ends without metadata and without an exception")
        return transcript

    def _read(self, frame: Frame, at: str) -> None:
        if self.exception or self.metadata:
            self.wrong.append(f"{at}: after the end")
        if frame.is_exception:
            self.exception = frame
        elif frame.name == "messageStart":
            if self._started:
                self.wrong.append(f"{at}: a second one")
            if frame.payload.get("role") != "assistant":
                self.wrong.append(f"{at}: role {frame.payload.get('role')!r}")
            self._started = True
        elif not self._started:
            self.wrong.append(f"{at}: before messageStart")
        elif frame.name == "messageStop":
            if self._open is not None or self.stop:
                self.wrong.append(f"{at}: in an open block, or a second one")
            self.stop = frame.payload
        elif frame.name == "metadata":
            if not self.stop:
                self.wrong.append(f"{at}: before messageStop")
            self.metadata = frame.payload
        elif self.stop:
            self.wrong.append(f"{at}: after messageStop")
        else:
            self._read_block(frame, at)

    def _read_block(self, frame: Frame, at: str) -> None:
        index = frame.payload.get("contentBlockIndex")
        if self._open is None:
            if index != len(self.content):
                self.wrong.append(f"{at}: index {index}, expected {len(self.content)}")
            if frame.name == "contentBlockStop":
                self.wrong.append(f"{at}: of a block that is not open")
                return
            self._open, self._kind, self._parts, self._head = index, None, [], {}
        elif index != self._open or frame.name == "contentBlockStart":
            self.wrong.append(f"{at}: index {index} while block {self._open} is open")
        if frame.name == "contentBlockStart":
            self._kind, self._head = next(iter(frame.payload["start"].items()), ("", {}))
        elif frame.name == "contentBlockDelta":
            self._delta(frame.payload["delta"], at)
        else:
            self._close(at)

    def _delta(self, delta: dict[str, Any], at: str) -> None:
        kind = next(iter(delta), "")
        if not self._kind and kind in WITH_START:
            self.wrong.append(f"{at}: {kind} without contentBlockStart")
        elif self._kind not in (None, kind) and {self._kind, kind} != {"text", "citation"}:
            self.wrong.append(f"{at}: {kind} in a block of {self._kind}")
        self._kind = self._kind or kind
        self._parts.append(delta)
        self.deltas += 1

    def _close(self, at: str) -> None:
        if not self._parts:
            self.wrong.append(f"{at}: of a block without deltas")
        match self._kind:
            case "text":
                self.content.append({"text": "".join(p.get("text", "") for p in self._parts)})
            case "toolUse":
                self.content.append({"toolUse": self._head | {"input": self._arguments(at)}})
            case "reasoningContent":
                self.content.append({"reasoningContent": self._reasoning()})
            case kind:
                self.content.append({kind or "nothing": self._parts})
        self._open = None

    def _arguments(self, at: str) -> Any:
        text = "".join(part["toolUse"]["input"] for part in self._parts if "toolUse" in part)
        try:
            return json.loads(text or "{}")
        except ValueError:
            self.wrong.append(f"{at}: tool input is not JSON: {text!r}")
            return text

    def _reasoning(self) -> dict[str, Any]:
        parts = [part["reasoningContent"] for part in self._parts if "reasoningContent" in part]
        if redacted := "".join(part.get("redactedContent", "") for part in parts):
            return {"redactedContent": redacted}
        told = {"text": "".join(part.get("text", "") for part in parts)}
        signature = "".join(part.get("signature", "") for part in parts)
        return {"reasoningText": told | ({"signature": signature} if signature else {})}
