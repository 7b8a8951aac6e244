"""Reading OpenAI requests.

Strict as the provider is: an unknown argument, a tool message without its call, an attachment that
is no attachment get a 400 here, so whatever a gateway lets slip through shows up as an error.
"""

import base64
import binascii
from typing import Any, Literal, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway_lib.simulator.conversation import (
    ChatRequest,
    Json,
    Media,
    MediaKind,
    Output,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway_lib.simulator.refusals import invalid


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


Body = TypeVar("Body", bound=_Body)


class FunctionSpec(_Body):
    """A function the model may call."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class ToolSpec(_Body):
    """A tool; only functions exist."""

    type: Literal["function"]
    function: FunctionSpec


class StreamOptions(_Body):
    """What a stream carries besides the answer."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(_Body):
    """Arguments of a chat completion that are known; the rest is refused."""

    model: str
    messages: list[Json] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[ToolSpec] | None = Field(default=None, min_length=1)
    tool_choice: Literal["auto", "none", "required"] | Json | None = None
    parallel_tool_calls: bool | None = None
    response_format: Json | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    n: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    modalities: list[Literal["text"]] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None


class EmbeddingBody(_Body):
    """Arguments of an embedding request."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1)
    user: str | None = None


def validated(kind: type[Body], raw: bytes) -> Body:
    """Parse a request body.

    Raises:
        Refusal: Not JSON, an unknown argument or a wrong value, in OpenAI's words.
    """
    try:
        return kind.model_validate(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise invalid("We could not parse the JSON body of your request.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        if first["type"] == "extra_forbidden":
            raise invalid(f"Unrecognized request argument supplied: {where}", where) from error
        if first["type"] == "missing":
            raise invalid(f"Missing required parameter: '{where}'.", where) from error
        raise invalid(f"Invalid value for '{where}': {first['msg']}.", where) from error


def chat_request(body: ChatBody) -> ChatRequest:
    """Turn a chat completion body into the wire-independent request."""
    if (body.n or 1) > 1:
        raise invalid("The simulated models give one choice: 'n' must be 1.", "n")
    if body.logprobs or body.top_logprobs:
        raise invalid("The simulated models have no log probabilities.", "logprobs")
    if body.tools is None and (body.tool_choice or body.parallel_tool_calls is not None):
        name = "tool_choice" if body.tool_choice else "parallel_tool_calls"
        raise invalid(
            f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.",
            name,
        )
    system, turns = _conversation(body.messages)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stop) > 4:
        raise invalid("Invalid 'stop': array too long. Expected at most 4 items.", "stop")
    return ChatRequest(
        model=body.model,
        turns=turns,
        system=system,
        tools=tuple(
            Tool(t.function.name, t.function.description or "", t.function.parameters or {})
            for t in body.tools or ()
        ),
        tool_choice=_choice(body),
        parallel_calls=body.parallel_tool_calls is not False,
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=tuple(stop),
        output=_output(body),
        reasoning=body.reasoning_effort not in (None, "none"),
        automatic_cache=True,
    )


def _choice(body: ChatBody) -> ToolChoice:
    match body.tool_choice:
        case None:
            return ToolChoice()
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode)
        case {"type": "function", "function": {"name": str(name)}}:
            if name not in {tool.function.name for tool in body.tools or ()}:
                raise invalid(
                    f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice"
                )
            return ToolChoice("named", name)
    raise invalid("Invalid value for 'tool_choice'.", "tool_choice")


def _output(body: ChatBody) -> Output:
    match body.response_format:
        case None | {"type": "text"}:
            return Output()
        case {"type": "json_object"}:
            if "json" not in orjson.dumps(body.messages).decode().lower():
                raise invalid(
                    "'messages' must contain the word 'json' in some form, to use "
                    "'response_format' of type 'json_object'.",
                    "messages",
                )
            return Output("json_object")
        case {"type": "json_schema", "json_schema": {"name": str(), "schema": dict(schema)}}:
            return Output("json_schema", schema)
    raise invalid("Invalid value for 'response_format'.", "response_format")


def _conversation(messages: list[Json]) -> tuple[str, tuple[Turn, ...]]:
    system: list[str] = []
    turns: list[Turn] = []
    open_calls: list[str] = []
    results: list[ToolResult] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        role = message.get("role")
        if role == "tool":
            call = message.get("tool_call_id")
            if call not in open_calls:
                _bad(
                    "messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    where,
                )
            open_calls.remove(call)
            results.append(ToolResult(call, _content(message, where)[0]))
            if not open_calls:
                turns.append(Turn("user", results=tuple(results)))
                results = []
            continue
        if open_calls:
            _bad(
                "An assistant message with 'tool_calls' must be followed by tool messages "
                f"responding to each 'tool_call_id'. Without response: {', '.join(open_calls)}.",
                where,
            )
        text, media = _content(message, where)
        match role:
            case "system" | "developer":
                system.append(text)
            case "user":
                turns.append(Turn("user", text, media))
            case "assistant":
                calls = _calls(message.get("tool_calls") or [], where)
                open_calls = [call.id for call in calls]
                turns.append(Turn("assistant", text, calls=calls))
            case _:
                _bad(f"'{role}' is not one of the supported roles.", f"{where}.role")
    if open_calls:
        _bad(f"No tool message answers: {', '.join(open_calls)}.", "messages")
    return "\n".join(system), tuple(turns)


def _content(message: Json, where: str) -> tuple[str, tuple[Media, ...]]:
    content = message.get("content")
    if content is None and message.get("role") == "assistant":
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        _bad(f"expected a string or an array, got {type(content).__name__}.", f"{where}.content")
    texts: list[str] = []
    media: list[Media] = []
    for number, part in enumerate(content):
        at = f"{where}.content[{number}]"
        match part:
            case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
                texts.append(text)
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                media.append(_attachment("image", url, at))
            case {"type": "file", "file": {"file_data": str(data)}}:
                media.append(_attachment("document", data, at))
            case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
                media.append(_attachment("audio", f"data:audio/{form};base64,{data}", at))
            case _:
                kind = part.get("type") if isinstance(part, dict) else part
                _bad(f"content part of type {kind!r} is not understood.", at)
    return "\n".join(texts), tuple(media)


def _attachment(kind: MediaKind, url: str, where: str) -> Media:
    if kind == "image" and url.startswith(("http://", "https://")):
        return Media.of(kind, "url", url.encode())
    head, _, data = url.partition(";base64,")
    if not head.startswith("data:") or not data:
        _bad("expected a data URL with base64 content.", where)
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        _bad("the base64 content cannot be decoded.", where)
    return Media.of(kind, head.rpartition("/")[2], content)


def _calls(raw: Any, where: str) -> tuple[ToolCall, ...]:
    if not isinstance(raw, list):
        _bad("tool_calls must be an array.", f"{where}.tool_calls")
    return tuple(_call(call, where) for call in raw)


def _call(raw: Any, where: str) -> ToolCall:
    match raw:
        case {"id": str(id), "function": {"name": str(name), "arguments": str(arguments)}}:
            try:
                parsed = orjson.loads(arguments or "{}")
            except orjson.JSONDecodeError:
                parsed = {"unparsed": arguments}
            return ToolCall(id, name, parsed if isinstance(parsed, dict) else {"value": parsed})
    _bad("a tool call needs id and function with name and arguments.", f"{where}.tool_calls")


def _bad(message: str, param: str) -> NoReturn:
    raise invalid(f"Invalid parameter: {message}", param)
