"""Reading Converse requests.

Checks what Bedrock checks, with its messages, because these are the mistakes a translating gateway
makes: blank text, roles that do not alternate, tool results without their tool uses.
"""

import base64
import binascii
from typing import Any, NoReturn

import orjson

from gateway_lib.simulator.conversation import (
    ChatRequest,
    Guarded,
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

_MEDIA: tuple[MediaKind, ...] = ("image", "document", "video", "audio")


def converse_request(model: str, body: Any) -> ChatRequest:
    """Turn a Converse body into the wire-independent request.

    Raises:
        Refusal: Something in the body is not as the API wants it.
    """
    if not isinstance(body, dict):
        _bad("The request body must be a JSON object.")
    turns = tuple(_turn(raw, f"messages.{i}") for i, raw in enumerate(body.get("messages") or []))
    tools, choice = _tools(body.get("toolConfig"))
    _check_order(turns, bool(tools))
    blocks = body.get("system") or []
    system, cache_point = _system(blocks)
    inference = body.get("inferenceConfig") or {}
    return ChatRequest(
        model=model,
        turns=turns,
        system=system,
        system_guarded=_guarded(blocks),
        tools=tools,
        tool_choice=choice,
        max_tokens=_max_tokens(inference),
        stop=tuple(inference.get("stopSequences") or ()),
        output=_output(body.get("outputConfig")),
        reasoning=_reasons(body.get("additionalModelRequestFields")),
        system_cache_point=cache_point,
    )


def _reasons(fields: Any) -> bool:
    match fields:
        case {"thinking": {"type": "enabled" | "adaptive"}}:
            return True
        case {"reasoning_config": {"type": "enabled"}}:
            return True
    return False


def _max_tokens(inference: Json) -> int | None:
    """Check the ranges of the inference parameters and return the limit."""
    for field in ("temperature", "topP"):
        share = inference.get(field)
        if share is not None and not (isinstance(share, int | float) and 0 <= share <= 1):
            _bad(f"Value {share} at inferenceConfig.{field} must be between 0 and 1.")
    limit = inference.get("maxTokens")
    if limit is None:
        return None
    if not isinstance(limit, int) or limit < 1:
        _bad(f"Value {limit} at inferenceConfig.maxTokens must be greater than or equal to 1.")
    return limit


def _system(blocks: list[Json]) -> tuple[str, bool]:
    texts: list[str] = []
    for index, block in enumerate(blocks):
        match block:
            case {"text": ""}:
                _blank(f"system.{index}")
            case {"text": str(text)} | {"guardContent": {"text": {"text": str(text)}}}:
                texts.append(text)
            case {"cachePoint": {"type": "default"}}:
                pass
            case _:
                _bad(f"The system content block at system.{index} is not valid.")
    return "\n".join(texts), any("cachePoint" in block for block in blocks)


def _turn(raw: Any, where: str) -> Turn:
    match raw:
        case {"role": "user" | "assistant" as role, "content": [_, *_] as content}:
            pass
        case {"role": str(), "content": []}:
            _bad(f"The content field in the Message object at {where} is empty. Add a ContentBlock "
                 "object to the content field and try again.")  # fmt: skip
        case _:
            _bad(f"The message at {where} needs a role, user or assistant, and content.")
    texts: list[str] = []
    media: list[Media] = []
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    cache_point = False
    for index, block in enumerate(content):
        at = f"{where}.content.{index}"
        match block:
            case {"text": str(text)}:
                if not text.strip():
                    _blank(at)
                texts.append(text)
            case {"guardContent": {"text": {"text": str(text)}}}:
                texts.append(text)
            case {"reasoningContent": dict()}:
                pass
            case {"cachePoint": {"type": "default"}}:
                cache_point = True
            case {"toolUse": {"toolUseId": str(id), "name": str(name), "input": arguments}}:
                given = arguments if isinstance(arguments, dict) else {"value": arguments}
                calls.append(ToolCall(id, name, given))
            case {"toolResult": {"toolUseId": str(id), "content": list(parts)} as result}:
                text, attached = _result(parts, at)
                results.append(ToolResult(id, text, result.get("status") == "error"))
                media += attached
            case dict() if (medium := _medium(block, at)) is not None:
                media.append(medium)
            case _:
                name = next(iter(block), "") if isinstance(block, dict) else block
                _bad(f"The content block {name!r} at {at} is not supported by this model.")
    return Turn(
        role,
        "\n".join(texts),
        tuple(media),
        tuple(calls),
        tuple(results),
        cache_point,
        _guarded(content),
    )


def _guarded(blocks: list[Any]) -> tuple[Guarded, ...]:
    """The texts that are marked for a guardrail."""
    marked = [block["guardContent"]["text"] for block in blocks if "guardContent" in block]
    return tuple(Guarded(each["text"], tuple(each.get("qualifiers") or ())) for each in marked)


def _result(parts: list[Any], where: str) -> tuple[str, list[Media]]:
    texts: list[str] = []
    media: list[Media] = []
    for part in parts:
        match part:
            case {"text": str(text)}:
                texts.append(text)
            case {"json": value}:
                texts.append(orjson.dumps(value).decode())
            case dict() if (medium := _medium(part, where)) is not None:
                media.append(medium)
            case _:
                _bad(f"The tool result content at {where} is not valid.")
    return "\n".join(texts), media


def _medium(block: Json, where: str) -> Media | None:
    kind = next((k for k in _MEDIA if k in block), None)
    if kind is None:
        return None
    match block[kind]:
        case {"source": {"bytes": str(data)}, **rest}:
            try:
                content = base64.b64decode(data, validate=True)
            except binascii.Error:
                _bad(f"The {kind} bytes at {where} are not valid base64.")
            if not content:
                _bad(f"The {kind} at {where} is empty.")
            return Media.of(kind, str(rest.get("format", "")), content)
        case {"source": {"text": str(text)}, **rest} if kind == "document":
            return Media.of(kind, str(rest.get("format", "txt")), text.encode())
        case {"source": {"s3Location": {"uri": str(uri)}}}:
            _bad(f"The simulated model cannot read {uri}: give the {kind} as bytes.")
    _bad(f"The {kind} block at {where} needs a source with bytes.")


def _tools(config: Any) -> tuple[tuple[Tool, ...], ToolChoice]:
    if config is None:
        return (), ToolChoice()
    specs = config.get("tools") or []
    if not specs:
        _bad("The toolConfig field needs at least one tool.")
    tools: list[Tool] = []
    for index, spec in enumerate(specs):
        match spec:
            case {"toolSpec": {"name": str(name), "inputSchema": {"json": dict(schema)}} as tool}:
                tools.append(Tool(name, tool.get("description") or "", schema))
            case {"cachePoint": {"type": "default"}}:
                pass
            case _:
                _bad(f"The tool at toolConfig.tools.{index} is not valid.")
    match config.get("toolChoice"):
        case None | {"auto": dict()}:
            return tuple(tools), ToolChoice()
        case {"any": dict()}:
            return tuple(tools), ToolChoice("required")
        case {"tool": {"name": str(name)}}:
            if name not in {tool.name for tool in tools}:
                _bad(f"The tool {name} in toolChoice is not among the tools of toolConfig.")
            return tuple(tools), ToolChoice("named", name)
    _bad("The toolChoice field must have one of auto, any and tool.")


def _output(config: Any) -> Output:
    if not config or "textFormat" not in config:
        return Output()
    match config:
        case {"textFormat": {"structure": {"jsonSchema": {"schema": str(text)}}}}:
            try:
                schema = orjson.loads(text)
            except orjson.JSONDecodeError:
                schema = None
            if isinstance(schema, dict):
                return Output("json_schema", schema)
    _bad(
        "The outputConfig field must have a JSON schema in textFormat.structure.jsonSchema.schema."
    )


def _check_order(turns: tuple[Turn, ...], has_tools: bool) -> None:
    if not turns or turns[0].role != "user":
        _bad("A conversation must start with a user message. Try again with a conversation that "
             "starts with a user message.")  # fmt: skip
    pending: set[str] = set()
    for index, turn in enumerate(turns):
        if index and turn.role == turns[index - 1].role:
            _bad("A conversation must alternate between user and assistant roles. Make sure the "
                 "conversation alternates between user and assistant roles and try again.")  # fmt: skip
        answered = {result.call_id for result in turn.results}
        if missing := pending - answered:
            _bad(f"Expected toolResult blocks at messages.{index}.content for the following Ids: "
                 f"{', '.join(sorted(missing))}")  # fmt: skip
        if answered - pending:
            _bad(f"The number of toolResult blocks at messages.{index}.content exceeds the number "
                 "of toolUse blocks of previous turn.")  # fmt: skip
        pending = {call.id for call in turn.calls}
        if not has_tools and (turn.calls or turn.results):
            _bad("The toolConfig field must be defined when using toolUse and toolResult content "
                 "blocks.")  # fmt: skip
    if turns[-1].role == "assistant" and pending:
        _bad("The conversation must end with the toolResult blocks of the last toolUse blocks.")


def _blank(where: str) -> NoReturn:
    _bad(f"The text field in the ContentBlock object at {where} is blank. Add text to the text "
         "field, and try again.")  # fmt: skip


def _bad(message: str) -> NoReturn:
    raise invalid(message)
