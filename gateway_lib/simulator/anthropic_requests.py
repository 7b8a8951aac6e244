"""Reading Anthropic's messages format, as InvokeModel carries it.

The body is read into the same request as Converse. An argument that is unknown is refused, in the
words of Anthropic's own validation.
"""

import base64
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway_lib.simulator.conversation import (
    ChatRequest,
    Json,
    Media,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway_lib.simulator.refusals import invalid


class SystemBlock(BaseModel):
    """A system text, perhaps the end of a prefix to cache."""

    text: str
    cache_control: Json | None = None


class ToolSpec(BaseModel):
    """A tool of the caller's."""

    name: str
    description: str = ""
    input_schema: Json


class MessagesBody(BaseModel):
    """Arguments that are known; the rest is refused."""

    model_config = ConfigDict(extra="forbid")

    anthropic_version: str
    anthropic_beta: list[str] | None = None
    max_tokens: int = Field(ge=1)
    messages: list[Json] = Field(min_length=1)
    system: str | list[SystemBlock] = ""
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    tools: list[ToolSpec] = Field(default_factory=list)
    tool_choice: Json | None = None
    stop_sequences: list[str] = Field(default_factory=list)
    thinking: Json = Field(default_factory=dict)
    metadata: Json | None = None


def anthropic_request(model: str, raw: Any) -> ChatRequest:
    """Turn a messages body into the wire-independent request.

    Raises:
        Refusal: A required key is missing, an unknown one present, or a value wrong.
    """
    try:
        body = MessagesBody.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        _bad(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}")
    choice = body.tool_choice or {"type": "auto"}
    blocks = body.system if isinstance(body.system, list) else [SystemBlock(text=body.system)]
    return ChatRequest(
        model=model,
        turns=tuple(_turn(raw, f"messages.{i}") for i, raw in enumerate(body.messages)),
        system="\n".join(block.text for block in blocks),
        tools=tuple(Tool(t.name, t.description, t.input_schema) for t in body.tools),
        tool_choice=_choice(choice),
        parallel_calls=not choice.get("disable_parallel_tool_use", False),
        max_tokens=body.max_tokens,
        stop=tuple(body.stop_sequences),
        reasoning=body.thinking.get("type") in ("enabled", "adaptive"),
        system_cache_point=any(block.cache_control for block in blocks),
    )


def _choice(raw: Json) -> ToolChoice:
    match raw:
        case {"type": "auto" | "none" as mode}:
            return ToolChoice(mode)
        case {"type": "any"}:
            return ToolChoice("required")
        case {"type": "tool", "name": str(name)}:
            return ToolChoice("named", name)
    _bad("tool_choice: Input should be auto, any, tool or none")


def _turn(raw: Any, where: str) -> Turn:
    match raw:
        case {"role": "user" | "assistant" as role, "content": str(text)}:
            return Turn(role, text)
        case {"role": "user" | "assistant" as role, "content": list(content)}:
            pass
        case _:
            _bad(f"{where}: role and content are required")
    texts: list[str] = []
    media: list[Media] = []
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for index, block in enumerate(content):
        match block:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image" | "document"}:
                media.append(_medium(block))
            case {"type": "tool_use", "id": str(id), "name": str(name), "input": dict(arguments)}:
                calls.append(ToolCall(id, name, arguments))
            case {"type": "tool_result", "tool_use_id": str(id)}:
                text, attached = _result(block.get("content") or "", f"{where}.content.{index}")
                results.append(ToolResult(id, text, bool(block.get("is_error"))))
                media += attached
            case {"type": "thinking" | "redacted_thinking"}:
                pass
            case _:
                _bad(f"{where}.content.{index}: this content block is not understood")
    cached = any("cache_control" in block for block in content)
    return Turn(role, "\n".join(texts), tuple(media), tuple(calls), tuple(results), cached)


def _result(content: Any, where: str) -> tuple[str, list[Media]]:
    if isinstance(content, str):
        return content, []
    texts: list[str] = []
    media: list[Media] = []
    for part in content if isinstance(content, list) else [content]:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image" | "document"}:
                media.append(_medium(part))
            case _:
                _bad(f"{where}: this tool result is not understood")
    return "\n".join(texts), media


def _medium(block: Json) -> Media:
    match block:
        case {"type": "image" | "document" as kind, "source": {"data": str(data)} as source}:
            form = str(source.get("media_type", "")).rpartition("/")[2]
            plain = source.get("type") == "text"
            return Media.of(kind, form, data.encode() if plain else _decoded(data))
    _bad(f"{block['type']}: a source with data is required")


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        _bad("messages: the attachment is not valid base64")


def _bad(message: str) -> NoReturn:
    raise invalid(f"Malformed input request: {message}, please reformat your input and try again.")
