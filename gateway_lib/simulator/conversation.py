"""A chat request, free of any wire.

Each wire parses its provider's JSON into these types; the generation core sees nothing else. That
keeps the two wires in step: the same conversation costs the same tokens and gets the same answer
whichever API carried it.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway_lib.simulator.tokens import PER_MEDIA, PER_MESSAGE, count

Json = dict[str, Any]
MediaKind = Literal["image", "document", "video", "audio"]


@dataclass(frozen=True, slots=True)
class Media:
    """An attachment; only what identifies it is kept."""

    kind: MediaKind
    format: str
    size: int
    digest: str

    @classmethod
    def of(cls, kind: MediaKind, format: str, content: bytes) -> "Media":
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        return cls(kind, format, len(content), digest)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The assistant's call of a tool."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the caller's tool gave back."""

    call_id: str
    text: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class Guarded:
    """A text that the caller marked for a guardrail (Bedrock's ``guardContent``)."""

    text: str
    qualifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `cache_point` marks the end of a prefix to cache (Bedrock, Anthropic)."""

    role: Literal["user", "assistant"]
    text: str = ""
    media: tuple[Media, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    cache_point: bool = False
    guarded: tuple[Guarded, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Json


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """How free the model is in calling tools."""

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """The form of the answer; `schema` only for ``json_schema``."""

    form: Literal["text", "json_object", "json_schema"] = "text"
    schema: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that shapes an answer."""

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    system_guarded: tuple[Guarded, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_calls: bool = True
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    output: Output = Output()
    reasoning: bool = False
    system_cache_point: bool = False
    automatic_cache: bool = False

    @property
    def question(self) -> str:
        """Text of the last user turn."""
        return next((t.text for t in reversed(self.turns) if t.role == "user"), "")

    @property
    def media(self) -> tuple[Media, ...]:
        """All attachments, in order."""
        return tuple(medium for turn in self.turns for medium in turn.media)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the prompt that is cached as a whole or not at all."""

    text: str
    tokens: int
    cache_point: bool


def segments(request: ChatRequest) -> tuple[Segment, ...]:
    """Flatten the prompt in the order a model reads it: tools and system first, then the turns.

    Identifiers of tool calls are left out: they are random, the content is not.
    """
    parts: list[Segment] = []
    if request.tools:
        text = json.dumps([[t.name, t.description, t.schema] for t in request.tools])
        parts.append(Segment(text, count(text), False))
    if request.system:
        tokens = count(request.system) + PER_MESSAGE
        parts.append(Segment(f"system\n{request.system}", tokens, request.system_cache_point))
    for turn in request.turns:
        pieces = [turn.text]
        pieces += [f"{call.name} {json.dumps(call.arguments)}" for call in turn.calls]
        pieces += [result.text for result in turn.results]
        tokens = PER_MESSAGE + sum(count(piece) for piece in pieces)
        tokens += sum(PER_MEDIA[medium.kind] for medium in turn.media)
        marks = [medium.digest for medium in turn.media]
        text = "\n".join([turn.role, *pieces, *marks])
        parts.append(Segment(text, tokens, turn.cache_point))
    return tuple(parts)
