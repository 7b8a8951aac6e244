"""A chat completion as a Converse response: pure, and the same for the parts that streams share."""

from __future__ import annotations

import re
from typing import Any

import orjson

from middleware.bedrock.answer import blob, count, reads_an_answer, text
from middleware.bedrock.errors import ModelErrorException
from middleware.guardrails.blocked import Blocked

INTERVENED = "guardrail_intervened"
_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filtered",
}
_NOT_OF_AN_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_ABSENT = object()
_ASKED_TIERS = frozenset(("priority", "default", "flex"))


@reads_an_answer
def converse_response(request: dict[str, Any], completion: Any, latency_ms: int) -> dict[str, Any]:
    """Translate a completion.

    Args:
        request: the Converse request that it answers.
        completion: the decoded JSON of LiteLLM's answer.
        latency_ms: how long LiteLLM took, milliseconds.

    Raises:
        ModelErrorException: it is not a completion. LiteLLM answers 200 with `null` in some failures.
    """
    choices = completion.get("choices") if isinstance(completion, dict) else None
    message = choices[0].get("message") if choices else None
    if not choices or not isinstance(message, dict):
        raise ModelErrorException
    calls = message.get("tool_calls") or []
    used, malformed = _calls(calls)
    reason = stop_reason(choices[0].get("finish_reason"), bool(calls), malformed, request)
    response: dict[str, Any] = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [*_thoughts(message), *_text(message), *used],
            }
        },
        "stopReason": reason,
        "usage": usage(completion.get("usage")),
        "metrics": {"latencyMs": latency_ms},
    }
    response |= echoes(request, completion)
    if paths := request.get("additionalModelResponseFieldPaths"):
        response["additionalModelResponseFields"] = selected(completion, paths)
    return response


def intervened(blocked: Blocked, latency_ms: int) -> dict[str, Any]:
    """The answer in the place of one that a guardrail of LiteLLM's has blocked: AWS's own for that."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": blocked.message}]}},
        "stopReason": INTERVENED,
        "usage": usage(None),
        "metrics": {"latencyMs": latency_ms},
    }


def stop_reason(finish: str | None, called: bool, malformed: bool, request: dict[str, Any]) -> str:
    """Why the model stopped.

    Args:
        finish: the completion's finish reason; some providers say "stop" although they call a tool.
        called: whether it calls a tool.
        malformed: whether a call's arguments are not JSON.
        request: the Converse request, for whether it asked for a guardrail.
    """
    if malformed and finish != "length":
        return "malformed_tool_use"
    if finish == "content_filter" and (request.get("guardrailConfig") or {}).get(
        "guardrailIdentifier"
    ):
        return INTERVENED
    if called and finish in ("stop", None):
        return "tool_use"
    reason = _STOP_REASONS.get(finish or "stop", "end_turn")
    # where a model has no JSON schemas LiteLLM makes a tool of one, and a stream ends as if it were called
    return "end_turn" if reason == "tool_use" and not called else reason


def usage(counted: Any) -> dict[str, Any]:
    """Token counts. OpenAI's prompt tokens include cached ones, Converse's input tokens do not."""
    counted = counted if isinstance(counted, dict) else {}
    details = counted.get("prompt_tokens_details") or {}
    read = count(details.get("cached_tokens") or counted.get("cache_read_input_tokens"))
    written = count(
        counted.get("cache_creation_input_tokens") or details.get("cache_creation_tokens")
    )
    fresh = max(0, count(counted.get("prompt_tokens")) - read - written)
    made = count(counted.get("completion_tokens"))
    result = {
        "inputTokens": fresh,
        "outputTokens": made,
        "totalTokens": fresh + made + read + written,
    }
    if read or written:
        result |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
    return result


def echoes(request: dict[str, Any], completion: dict[str, Any]) -> dict[str, Any]:
    """What says how the request was served: tier, latency mode, guardrail trace."""
    result: dict[str, Any] = {}
    if request.get("serviceTier") and completion.get("service_tier") in _ASKED_TIERS:
        result["serviceTier"] = {"type": completion["service_tier"]}
    if request.get("performanceConfig"):
        result["performanceConfig"] = request["performanceConfig"]
    if isinstance(completion.get("trace"), dict):
        result["trace"] = completion["trace"]
    return result


def selected(completion: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """The parts of the chat completion that JSON pointers name, at the same places; absent ones left out."""
    result: dict[str, Any] = {}
    for path in paths:
        keys = [key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/")]
        found = _found(completion, keys)
        if found is not _ABSENT:
            _placed(result, keys, found)
    return result


def _found(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return _ABSENT
    return value


def _placed(result: dict[str, Any], keys: list[str], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        inner = result.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        result = inner
    result[last] = value


def thought(block: dict[str, Any]) -> dict[str, Any] | None:
    """A block of LiteLLM's `thinking_blocks` as reasoning content."""
    if block.get("type") == "redacted_thinking":
        return {"redactedContent": blob(block["data"])} if block.get("data") else None
    if not block.get("thinking") and not block.get("signature"):
        return None
    thinking = {"text": text(block.get("thinking"))}
    if block.get("signature"):
        thinking["signature"] = text(block["signature"])
    return {"reasoningText": thinking}


def _thoughts(message: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = [found for block in message.get("thinking_blocks") or () if (found := thought(block))]
    if not blocks and message.get("reasoning_content"):
        blocks = [{"reasoningText": {"text": text(message["reasoning_content"])}}]
    return [{"reasoningContent": block} for block in blocks]


def _text(message: dict[str, Any]) -> list[dict[str, Any]]:
    said = text(message.get("content") or message.get("refusal"))
    return [{"text": said}] if said else []


def _calls(calls: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """The tool use blocks, and whether there were arguments that are not a JSON object."""
    blocks: list[dict[str, Any]] = []
    malformed = False
    for index, call in enumerate(calls):
        function = call["function"]
        arguments = tool_input(function.get("arguments"))
        if arguments is None:
            malformed = True
            continue
        use = {
            "toolUseId": tool_use_id(call.get("id"), index),
            "name": tool_name(function.get("name")),
            "input": arguments,
        }
        blocks.append({"toolUse": use})
    return blocks, malformed


def tool_use_id(given: Any, index: int) -> str:
    """An id of AWS's form: OpenAI's are of it already, other providers' need not be."""
    return _NOT_OF_AN_ID.sub("_", str(given or f"tool_{index}"))[:64]


def tool_name(given: Any) -> str:
    """The name of a called tool, without which nobody can call it."""
    if not (name := text(given)):
        raise ModelErrorException("The model called a tool without a name.")
    return name


def tool_input(arguments: str | None) -> dict[str, Any] | None:
    """The arguments of a call; None where they are not a JSON object."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
