"""ApplyGuardrail: Bedrock's own answer, for the guardrails that the gateway is configured with."""

from __future__ import annotations

from urllib.parse import quote

import orjson

from middleware.aws import Aws
from middleware.bedrock import schema
from middleware.bedrock.errors import ResourceNotFoundException, from_aws
from middleware.bedrock.exchange import Exchange
from middleware.bedrock.paths import Target
from middleware.catalogue import Catalogue


async def apply_guardrail(exchange: Exchange, target: Target, catalogue: Catalogue) -> None:
    """Answer an ApplyGuardrail request.

    The call goes out with the service's own credentials, so the caller's key is checked first, and only
    guardrails that the administrator has configured can be named.
    """
    request = await exchange.body()
    schema.request("ApplyGuardrail")(request, "")
    await exchange.identify()
    if catalogue.guardrail(target.identifier, target.version) is None:
        raise ResourceNotFoundException(
            f"The gateway has no guardrail {target.identifier!r} in version {target.version!r}."
        )
    aws: Aws = exchange.aws
    path = f"/guardrail/{quote(target.identifier, safe='')}/version/{quote(target.version)}/apply"
    with exchange.caller.watched():
        status, headers, body = await aws.post(path, orjson.dumps(request))
    if status != 200:
        raise from_aws(status, headers, body)
    await exchange.answer(orjson.loads(body))
