"""The template of a request's route, and the operation that it is: what a path may be counted as.

Paths that are not known here are LiteLLM's others, under one name: callers could make up any number of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from starlette.types import Scope

from middleware.bedrock import paths
from middleware.remembered import Remembered

CHAT, TEXT, EMBEDDINGS = "chat", "text_completion", "embeddings"
GENERATE = "generate_content"
OTHERS = "/{path}"
_METHODS = frozenset(
    ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE")
)


class Route(NamedTuple):
    """What a request is counted as."""

    template: str
    interface: str
    """openai, anthropic, google, bedrock; gateway for the service's own paths, litellm for its others."""
    operation: str = ""
    """A name of OpenTelemetry's where it is a call of a model: chat, embeddings, ..."""


_BEDROCK = {
    action: Route(f"{paths.PREFIX}/model/{{modelId}}/{action}", "bedrock", operation)
    for action, operation in (
        ("converse", CHAT),
        ("converse-stream", CHAT),
        ("invoke", CHAT),
        ("invoke-with-response-stream", CHAT),
        ("count-tokens", ""),
    )
}
_GUARDRAIL = Route(
    f"{paths.PREFIX}/guardrail/{{guardrailIdentifier}}/version/{{guardrailVersion}}/apply",
    "bedrock",
)
_OPENAI = {
    "chat/completions": CHAT,
    "completions": TEXT,
    "embeddings": EMBEDDINGS,
    "responses": CHAT,
    "images/generations": GENERATE,
    "images/edits": GENERATE,
    "audio/speech": GENERATE,
    "audio/transcriptions": "transcribe",
    "audio/translations": "transcribe",
    "moderations": "moderation",
    "rerank": "rerank",
    "models": "",
    "files": "",
    "batches": "",
}
_KNOWN = {
    f"{prefix}/{name}": Route(f"{prefix}/{name}", "openai", operation)
    for prefix in ("", "/v1")
    for name, operation in _OPENAI.items()
} | {
    "/v1/messages": Route("/v1/messages", "anthropic", CHAT),
    "/openai/v1/responses": Route("/openai/v1/responses", "openai", CHAT),
}
_OF_A_DEPLOYMENT = re.compile(
    r"/(openai/deployments|engines)/.+/(chat/completions|completions|embeddings)"
)
_GOOGLES = re.compile(r"(/v1beta)?/models/.+:((?:stream)?[gG]enerateContent)")
_MANAGED = re.compile(
    r"/(key|user|team|model|customer|budget|organization|global|spend|config|guardrails|ui|health)(?:/.*)?"
)
_OTHER = Route(OTHERS, "litellm")


def of(scope: Scope) -> Route:
    """What a request is counted as, once it was served."""
    own = scope.get("route")  # of FastAPI's, for the service's own paths
    if own is not None:
        return Route(own.path, "gateway")
    path: str = scope["path"]
    return _of_path(path)


def method_of(scope: Scope) -> str:
    """The method, or `_OTHER` for one that HTTP does not have."""
    method: str = scope.get("method", "WEBSOCKET")
    return method if method in _METHODS or method == "WEBSOCKET" else "_OTHER"


@Remembered
def _of_path(path: str) -> Route:
    if known := _KNOWN.get(path):
        return known
    if path.startswith(f"{paths.PREFIX}/model/"):
        return _BEDROCK.get(path.rpartition("/")[2], _OTHER)
    if path.startswith(f"{paths.PREFIX}/guardrail/") and path.endswith("/apply"):
        return _GUARDRAIL
    if found := _OF_A_DEPLOYMENT.fullmatch(path):
        return Route(f"/{found[1]}/{{model}}/{found[2]}", "openai", _OPENAI[found[2]])
    if found := _GOOGLES.fullmatch(path):
        return Route(f"{found[1] or ''}/models/{{model}}:{found[2]}", "google", GENERATE)
    if found := _MANAGED.fullmatch(path):
        return Route(f"/{found[1]}/{{path}}", "litellm")
    return _OTHER
