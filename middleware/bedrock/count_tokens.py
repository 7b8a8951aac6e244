"""CountTokens: asked of the provider where LiteLLM can, else LiteLLM's estimate, and it says which."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from middleware.bedrock import schema
from middleware.bedrock.anthropic import messages_body
from middleware.bedrock.errors import INVALID_MODEL, ModelErrorException, ValidationException
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.catalogue import Catalogue
from middleware.intake.addresses import AllowedHosts, may_have_one, refuse_crowded

COUNT = "/v1/messages/count_tokens"
SOURCE_HEADER = b"x-litellm-count-source"


async def count_tokens(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer a CountTokens request."""
    request = await exchange.body()
    schema.request("CountTokens")(request, "")
    if catalogue.lacks(target.identifier):
        await exchange.identify()  # which models there are is not for everybody to find out
        raise ValidationException(INVALID_MODEL)  # LiteLLM would estimate for any name
    model = catalogue.route(target.identifier).model
    given = request["input"]
    body = (
        messages_body(given["converse"])
        if "converse" in given
        else _invoke_body(given["invokeModel"]["body"], exchange.hosts)
    )
    with exchange.caller.watched():
        counted, headers = await exchange.post_json(COUNT, {**body, "model": model})
    if not isinstance(counted, dict) or not isinstance(counted.get("input_tokens"), int):
        raise ModelErrorException
    source = str(counted.get("litellm_count_source", "unknown")).encode()
    await exchange.answer(
        {"inputTokens": counted["input_tokens"]}, (*headers, (SOURCE_HEADER, source))
    )


def _invoke_body(encoded: str, hosts: AllowedHosts) -> dict[str, Any]:
    try:
        data = base64.b64decode(encoded)
        refuse_crowded(data)
        body = orjson.loads(data)
    except (binascii.Error, orjson.JSONDecodeError):
        body = None
    if not isinstance(body, dict) or not body.get("messages"):
        raise ValidationException(
            "input.invokeModel.body must be a body of Anthropic's messages API."
        )
    kept = {key: value for key, value in body.items() if key in ("messages", "system", "tools")}
    if may_have_one(data):  # within base64 nobody before has seen it
        hosts.refuse(kept)
    return kept
