"""From the body of a call to how much it may use at most, by the kind of its path.

Only what bounds the cost is looked at; whether the rest is good is LiteLLM's to say. What would make the
bound wrong is refused: hosted tools, of which nobody knows how often they are called, and other models to
fall back on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from middleware.budgets.errors import CostUnknown
from middleware.budgets.usage import TOOLS, Read, Usage, read

Body = Mapping[str, Any]
_LEAST_OUTPUT = 16  # what some providers make of less
_MOST_ANSWERS = 2**20
_MOST_TOKENS = 2**40
OTHER_MODELS = (
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "context_window_fallback_dict",
    "models",
    "model_list",
    "user_config",
    "router_settings_override",
)
"""Fields by which a call may be served by another model than the one that it names."""
# with tools of the provider's, or later
_UNBOUNDED = (
    *OTHER_MODELS,
    "web_search_options",
    "mcp_servers",
    "background",
)
_KINDS = ("function", "custom", "computer_", "bash_", "text_editor_", "memory_")
"""How the types of tools begin that the caller runs itself; without one it is a function too."""
_MEMBERS = frozenset(
    (
        *("type", "name", "description", "strict", "cache_control", "defer_loading"),
        *("function", "custom", "parameters", "input_schema", "input_examples", "format"),
        *("toolSpec", "cachePoint", "functionDeclarations", "function_declarations"),
        *("display_width_px", "display_height_px", "display_number", "max_characters"),
    )
)


def check(body: Body) -> None:
    """Refuse what nobody can bound. Raises `CostUnknown`."""
    for name in _UNBOUNDED:
        if body.get(name):
            raise CostUnknown(f"{name} cannot be used by a caller with a budget for a model.")
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if not _is_the_callers(tool):
            raise CostUnknown(
                "A tool of the provider's is called as often as the model likes, so that a call's cost has "
                f"no limit. A caller with a budget for a model can only use functions: {str(tool)[:200]}"
            )


def _is_the_callers(tool: Any) -> bool:
    if not isinstance(tool, dict) or not tool.keys() <= _MEMBERS:
        return False
    return str(tool.get("type") or "function").startswith(_KINDS)


def chat(body: Body, encoded: bytes | None = None) -> Usage:
    """A chat completion, or a completion."""
    found = read(body, encoded)
    given = [_limit(body, name) for name in ("max_tokens", "max_completion_tokens")]
    known = [limit for limit in given if limit]
    answers = max(_number(body, "n", 1), _number(body, "best_of", 1))
    prompts = body.get("prompt")
    inputs = max(1, len(prompts)) if isinstance(prompts, list) else 1
    predicted = len(str(body["prediction"]).encode()) if body.get("prediction") else 0
    most = max(known, default=None)
    return replace(
        _generated(body, found, most, answers * inputs), inputs=inputs, predicted_tokens=predicted
    )


def messages(body: Body, encoded: bytes | None = None) -> Usage:
    """A message of Anthropic's API."""
    return _generated(body, read(body, encoded), _limit(body, "max_tokens"), 1)


def responses(body: Body, encoded: bytes | None = None) -> Usage:
    """A response of OpenAI's API; what it goes on with is on the provider's side."""
    found = read(body, encoded)
    if any(body.get(name) for name in ("previous_response_id", "conversation", "prompt")):
        found.is_opaque = True
    return _generated(body, found, _limit(body, "max_output_tokens"), 1)


def google(body: Body, encoded: bytes | None = None) -> Usage:
    """Content of Google's API."""
    config = body.get("generationConfig") or body.get("config") or {}
    config = config if isinstance(config, dict) else {}
    answers = _number(config, "candidateCount", 1)
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict) or set(tool) - {
            "functionDeclarations",
            "function_declarations",
        }:
            raise CostUnknown(
                "Only functions can be tools for a caller with a budget for the model."
            )
    return _generated(body, read(body, encoded), _limit(config, "maxOutputTokens"), answers)


def native(body: Body, encoded: bytes | None = None) -> Usage:
    """A body in the form of a model of Bedrock's, for InvokeModel."""
    limits = [
        _limit(body, name) for name in ("max_tokens", "max_gen_len", "max_new_tokens", "maxTokens")
    ]
    for group in ("inferenceConfig", "textGenerationConfig", "parameters"):
        inner = body.get(group)
        if isinstance(inner, dict):
            names = ("maxTokens", "max_new_tokens", "maxTokenCount", "max_tokens")
            limits += [_limit(inner, name) for name in names]
    answers = max(_number(body, name, 1) for name in ("num_generations", "numResults", "n"))
    return _generated(body, read(body, encoded), max(filter(None, limits), default=None), answers)


def embedding(body: Body, encoded: bytes | None = None) -> Usage:
    """An embedding, of a text or of many."""
    found = read(body, encoded)
    texts = body.get("input")
    inputs = max(1, len(texts)) if isinstance(texts, list) else 1
    if found.is_opaque and inputs > 1:
        raise CostUnknown("Only texts and images can be embedded several at a time.")
    return Usage(
        found.tokens, inputs, writes=False, has_media=found.has_media, is_opaque=found.is_opaque
    )


def moderation(body: Body, encoded: bytes | None = None) -> Usage:
    """A moderation."""
    found = read(body, encoded)
    inputs = body.get("input")
    return Usage(
        found.tokens,
        max(1, len(inputs)) if isinstance(inputs, list) else 1,
        writes=False,
        has_media=found.has_media,
        is_opaque=found.is_opaque,
    )


def rerank(body: Body, encoded: bytes | None = None) -> Usage:
    """A reranking: a search unit is a query with up to a hundred documents, of 500 tokens each."""
    found = read(body, encoded)
    documents = body.get("documents")
    count = len(documents) if isinstance(documents, list) else 1
    units = 1 + count // 100 + found.text // 500
    return Usage(found.tokens, max(1, count), writes=False, units={"query": units})


def image(body: Body) -> Usage:
    """Images that are made, of a text or of others that come as files."""
    files = [each for value in body.values() if isinstance(value, list) for each in value]
    found = read({name: value for name, value in body.items() if not isinstance(value, list)})
    found.images += len(files)
    count = _number(body, "n", 1)
    return Usage(
        found.tokens,
        answers=count,
        has_media=True,
        is_opaque=found.is_opaque,
        units={"image": count, "pixel": count * _pixels(body.get("size"))},
    )


def speech(body: Body, encoded: bytes | None = None) -> Usage:
    """Text that is spoken."""
    found = read(body, encoded)
    text = body.get("input")
    characters = len(text) if isinstance(text, str) else found.text
    # nobody speaks two characters a second, and so not for longer
    return Usage(
        found.tokens,
        has_media=True,
        units={"character": characters, "second": characters // 2 + 10},
    )


def transcription(body: Body) -> Usage:
    """Sound that is written down; no codec that is taken has less than 250 bytes for a second."""
    files = [each for value in body.values() if isinstance(value, list) for each in value]
    size = sum(map(len, files))
    return Usage(size, has_media=True, is_opaque=True, units={"second": size // 250 + 1})


Estimate = Callable[..., Usage]


def after(estimate: Estimate, size: int, *, is_plain: bool) -> Estimate:
    """The same for a call before whose messages so many bytes of a conversation are put."""

    def whole(body: Body) -> Usage:
        usage = estimate(body)
        return replace(
            usage,
            input_tokens=usage.input_tokens + size,
            is_opaque=usage.is_opaque or not is_plain,
        )

    return whole


def _generated(body: Body, found: Read, output: int | None, answers: int) -> Usage:
    if output is not None:
        output = max(output, _LEAST_OUTPUT)
    tools = any(body.get(name) for name in ("tools", "functions", "toolConfig"))
    sound = "audio" in (body.get("modalities") or ()) or bool(body.get("audio"))
    return Usage(
        found.tokens + (TOOLS if tools else 0),
        output_tokens=output,
        answers=answers,
        has_media=found.has_media or sound,
        is_opaque=found.is_opaque or bool(body.get("prompt_id")),
    )


def _limit(body: Body, name: str) -> int | None:
    """A limit of tokens; none where it is 0, which some take for the model's own."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _MOST_TOKENS:
        raise CostUnknown(f"{name} must be a positive whole number.")
    return value or None


def _number(body: Body, name: str, standard: int) -> int:
    value = body.get(name)
    if value is None:
        return standard
    if type(value) is not int or not 1 <= value <= _MOST_ANSWERS:
        raise CostUnknown(f"{name} must be a positive whole number.")
    return value


def _pixels(size: Any) -> int:
    width, _, height = str(size).partition("x")
    if width.isdigit() and height.isdigit() and len(size) < 12:
        return int(width) * int(height)
    return 4096 * 4096
