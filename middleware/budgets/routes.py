"""Which paths of LiteLLM's cost money, and how much of it can be told from a request.

Where a path names a model, a budget can be kept. Where it may call models that it does not name, or does so
later, callers with a budget are refused. All other paths cost nothing by the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Scope

from middleware.budgets import estimate
from middleware.budgets.errors import CostUnknown
from middleware.budgets.estimate import Estimate
from middleware.remembered import Remembered


@dataclass(frozen=True, slots=True)
class Metered:
    """A request whose cost can be bounded by its body and by the model that the path names, if it does."""

    estimate: Estimate
    model: str = ""
    is_form: bool = False
    """Whether the body is a form, with files."""
    wants_usage: bool = False
    """Whether a stream says what it did cost only when it is asked to."""


class Unbounded:
    """A request that may call any model, for any price."""


UNBOUNDED = Unbounded()
_SLASHES = re.compile("/{2,}")
_V1 = r"(?:/v1)?"
_AZURE = r"(?:(?:/v1)?|/(?:openai/deployments|engines)/(?P<model>.+))"
_METERED: tuple[tuple[re.Pattern[str], Metered], ...] = tuple(
    (re.compile(pattern, re.I), metered)
    for pattern, metered in (
        (rf"(?:{_AZURE}|/cursor)/chat/completions", Metered(estimate.chat, wants_usage=True)),
        (rf"{_AZURE}/completions", Metered(estimate.chat, wants_usage=True)),
        (rf"{_AZURE}/embeddings", Metered(estimate.embedding)),
        (rf"{_AZURE}/images/generations", Metered(estimate.image)),
        (rf"{_AZURE}/images/(?:edits|variations)", Metered(estimate.image, is_form=True)),
        (rf"{_V1}/audio/speech", Metered(estimate.speech)),
        (
            rf"{_V1}/audio/(?:transcriptions|translations)",
            Metered(estimate.transcription, is_form=True),
        ),
        (rf"{_V1}/moderations", Metered(estimate.moderation)),
        (r"(?:/v[12])?/rerank", Metered(estimate.rerank)),
        (r"(?:/claude_code_gateway)?/v1/messages", Metered(estimate.messages)),
        (r"(?:(?:/openai)?/v1)?/responses", Metered(estimate.responses)),
        (
            r"(?:/v1beta)?/models/(?P<model>.+):(?:stream)?generateContent",
            Metered(estimate.google),
        ),
    )
)
_FREE = re.compile(
    r".*/(?:count_?tokens|input_tokens|cancel)|.*:countTokens|(?:/v1)?/(?:files|skills|vector_stores)(?:/.*)?",
    re.I,
)
_COSTLY = re.compile(
    r"(?:/v1|/v1beta|/openai/v1)?/(?:assistants|threads|batches|fine_tuning|videos|realtime|responses|"
    r"search|decisions|systemone|ocr|containers|interactions|rag|lens|agents|a2a|evals|"
    r"chat|completions|embeddings|images|audio|messages|moderations|rerank|models/.+:\w+)(?:/.*)?|"
    r"(?:/v1)?/vector_stores/[^/]+/search|"
    r"/(?:bedrock|comprehendmedical|azure_speech|transcribe|vertex-ai|vertex_ai|cohere|cursor|gemini|"
    r"anthropic|azure|azure_ai|openai|openai_passthrough|assemblyai|eu\.assemblyai|tinyfish|vllm|"
    r"mistral|typesafe|laya|bespoke|openrouter|milvus|gigachat|watsonx|nvidia_nim|deepgram|fal_ai)(?:/.*)?|"
    r"/(?:engines|openai/deployments)/.*|.*/(?:chat/completions|completions|embeddings|v1/messages)",
    re.I,
)


def of(scope: Scope) -> Metered | Unbounded | None:
    """What a request costs; None for nothing."""
    if scope["type"] == "websocket":
        return UNBOUNDED if _is_costly(_path(scope)) else None
    if scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
        return None
    return _of_path(_path(scope))


@Remembered
def _of_path(path: str) -> Metered | Unbounded | None:
    for pattern, metered in _METERED:
        if found := pattern.fullmatch(path):
            named = found.groupdict().get("model")
            return replace(metered, model=named) if named else metered
    return UNBOUNDED if _is_costly(path) else None


def _model_in_query(scope: Scope) -> str:
    """The model that the query names: LiteLLM takes it instead of the body's."""
    query = scope.get("query_string", b"")
    if b"model" not in query and b"%" not in query:
        return ""
    given: list[str] = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("model", [])
    return given[-1] if given else ""


def only_model(in_path: str, scope: Scope, body: Mapping[str, Any]) -> Any:
    """The model that a request names in its path, its query or its body; LiteLLM may take any of them.

    Raises:
        CostUnknown: they are not the same.
    """
    given = (in_path, _model_in_query(scope), body.get("model"))
    named = [each for each in given if each not in ("", None)]
    if any(each != named[0] for each in named):
        raise CostUnknown("The path, the query and the body of this call name different models.")
    return named[0] if named else None


def _is_costly(path: str) -> bool:
    if re.fullmatch(r"(?:/v1)?/vector_stores/[^/]+/search", path, re.I):
        return True
    return _FREE.fullmatch(path) is None and _COSTLY.fullmatch(path) is not None


def _path(scope: Scope) -> str:
    """The decoded path as LiteLLM sees it, without what may be written in more than one way."""
    path: str = scope["path"]
    return _SLASHES.sub("/", path).rstrip("/")
