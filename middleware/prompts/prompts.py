"""Managed prompts as AWS has them, fetched with the credentials of the service and known for a while."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from middleware.aws import Aws
from middleware.errors import ServiceError, UpstreamBroken
from middleware.lookup import Lookup
from middleware.prompts.arn import PromptArn
from middleware.prompts.errors import (
    InvalidPromptArn,
    PromptForbidden,
    PromptNotFound,
    PromptsUnavailable,
    PromptThrottled,
)
from middleware.prompts.template import Rendered, Template
from middleware.prompts.variant import Variant
from middleware.settings import Settings

log = logging.getLogger("middleware")
MAX_PROMPTS = 1000


class Prompts:
    """Renders prompts.

    AWS asks the service's role and not the caller whether a prompt may be read, and an error names what is
    in it. So a caller's key has been checked before this is called.
    """

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self._aws = aws
        self._known = Lookup[Template](MAX_PROMPTS, settings.prompt_seconds)

    async def request(self, arn: PromptArn, variables: Mapping[str, Any] | None) -> Rendered:
        """The prompt with the variables in it, as a Converse request and the model it is for.

        Raises:
            PromptError: there is no such prompt, the gateway may not read it, or it cannot be rendered.
            UpstreamUnavailable: AWS cannot be reached, or there are no credentials.
        """
        template = await self._known.get(str(arn), lambda: self._fetch(arn))
        return template.render(variables)

    async def _fetch(self, arn: PromptArn) -> Template:
        try:
            status, headers, body = await self._aws.get(arn.path, arn.region)
        except UpstreamBroken as error:
            raise PromptsUnavailable from error
        if status != 200:
            raise _refusal(arn, status, headers)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise PromptsUnavailable from None
        return Template.of(Variant.of(answer))


def _refusal(arn: PromptArn, status: int, headers: Mapping[str, str]) -> ServiceError:
    """What AWS's error means to the caller. AWS's own words name the gateway's role, so they stay here."""
    name = headers.get("x-amzn-ErrorType", "").partition(":")[0]
    if status == 404:
        return PromptNotFound(f"AWS has no such prompt, or no such version of it: {arn}.")
    if status == 400 and name == "ValidationException":
        return InvalidPromptArn(f"AWS does not take this for the ARN of a prompt: {arn}.")
    log.warning(
        "a prompt could not be fetched",
        extra={
            "prompt": str(arn),
            "status": status,
            "aws_error": name,
            "aws_request_id": headers.get("x-amzn-RequestId"),
        },
    )
    if status == 403 and name == "AccessDeniedException":
        return PromptForbidden(f"The gateway may not read the prompt {arn}.")
    if status == 429 or name == "ThrottlingException":
        after = headers.get("retry-after")
        return PromptThrottled(headers={"retry-after": after} if after else None)
    return PromptsUnavailable()
