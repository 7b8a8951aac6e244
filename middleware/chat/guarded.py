"""The guardrails of a chat completion: looked at, and Bedrock's put where its provider reads it."""

from __future__ import annotations

from starlette.types import Scope

from middleware.catalogue import Catalogue, Route
from middleware.chat.request import ChatRequest
from middleware.guardrails.errors import GuardrailsMalformed, UnknownGuardrail
from middleware.guardrails.guardrails import Guardrails
from middleware.guardrails.wish import CONFIG, NAMES
from middleware.json_object import UNCACHED


async def check(
    guardrails: Guardrails, scope: Scope, request: ChatRequest, route: Route, catalogue: Catalogue
) -> None:
    """Look at what a request says of guardrails, and have it guarded.

    Bedrock's own guardrail (`guardrailConfig`) is for models that only Bedrock serves; for others it is
    LiteLLM's of the same id, as in Converse.

    Raises:
        ServiceError: it cannot be honoured.
    """
    in_path = None if request.target else request.model_in_path
    wish = await guardrails.check(scope, request.fields, in_path)
    if wish.is_empty:
        return
    request.rewrite()
    if not wish.has_config:
        return
    if catalogue.route(route.model).bedrock_only:  # which may have become known just now
        # an answer that another policy let through must not be taken from the response cache
        request.set("cache", dict(UNCACHED))
        return
    config = wish.config if isinstance(wish.config, dict) else {}
    if config.get("trace", "disabled") != "disabled":
        raise GuardrailsMalformed(f"{CONFIG}.trace is given for models that only Bedrock serves.")
    identifier, version = config.get("guardrailIdentifier"), config.get("guardrailVersion")
    known = catalogue.guardrail(str(identifier), str(version))
    if known is None:
        raise UnknownGuardrail(
            f"The gateway has no guardrail {identifier!r} in version {version!r}."
        )
    del request.fields[CONFIG]
    request.set(NAMES, list(dict.fromkeys((*wish.names, known.name))))
    guardrails.guard(scope, wish.names, kept=(known.name,))
