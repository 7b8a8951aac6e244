"""Bedrock's managed prompts, read side.

The middleware resolves prompt ARNs with ``bedrock-agent`` GetPrompt; these are the prompts it
finds. A prompt has numbered versions and a DRAFT, which is what GetPrompt returns when no version
is asked for.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict
from gateway_lib.simulator.prompt_variants import PromptVariant
from gateway_lib.simulator.refusals import Reason, Refusal, invalid

ACCOUNT = "123456789012"
REGION = "us-east-1"
_IDENTIFIER = re.compile(
    r"(?:arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]{1,20}):"
    r"(?P<account>[0-9]{12}):prompt/)?(?P<id>[0-9a-zA-Z]{10})(?::(?P<version>[0-9]{1,5}))?"
)


class PromptVersion(Strict):
    """A version's variants; a single one may stand for the whole version."""

    default_variant: str | None = None
    variants: tuple[PromptVariant, ...]

    @model_validator(mode="before")
    @classmethod
    def _single(cls, given: Any) -> Any:
        is_variant = isinstance(given, dict) and "variants" not in given
        return {"default_variant": "default", "variants": [given]} if is_variant else given


class Prompt(Strict):
    """A prompt with all its versions, ``DRAFT`` among them."""

    id: str = Field(pattern=r"^[0-9a-zA-Z]{10}$")
    name: str = Field(pattern=r"^([0-9a-zA-Z][_-]?){1,100}$")
    description: str = ""
    partition: str = "aws"
    region: str = REGION
    versions: dict[str, PromptVersion]

    @model_validator(mode="after")
    def _has_draft(self) -> Self:
        if "DRAFT" not in self.versions:
            raise ValueError("a prompt needs a DRAFT version")
        return self

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:bedrock:{self.region}:{ACCOUNT}:prompt/{self.id}"


class PromptName(NamedTuple):
    """A prompt as a request names it; an id alone is of the account and the region that are asked."""

    id: str
    region: str | None
    account: str | None
    version: str | None

    @classmethod
    def parse(cls, identifier: str) -> "PromptName":
        """Read an id or an ARN.

        Raises:
            Refusal: It is neither.
        """
        found = _IDENTIFIER.fullmatch(identifier)
        if found is None:
            raise invalid(
                f"1 validation error detected: Value '{identifier}' at 'promptIdentifier' failed to "
                "satisfy constraint: Member must satisfy regular expression pattern"
            )
        return cls(found["id"], found["region"], found["account"], found["version"])


def get_prompt(
    prompts: Iterable[Prompt], name: PromptName, version: str | None, region: str
) -> Json:
    """Return the body of a GetPrompt response.

    Args:
        prompts: The prompts that exist.
        name: The prompt that is asked for, perhaps with a version.
        version: The query parameter; wins over the name's version.
        region: The region that is asked.

    Raises:
        Refusal: No such prompt or version, or one of another account.
    """
    if name.account not in (None, ACCOUNT):
        raise _denied(name)
    prompt = next((p for p in prompts if p.id == name.id and p.region == region), None)
    if prompt is None:
        raise Refusal(
            Reason.NOT_FOUND, f"Could not find resource Prompt with identifier: {name.id}."
        )
    wanted = version or name.version or "DRAFT"
    if wanted not in prompt.versions:
        raise Refusal(
            Reason.NOT_FOUND,
            f"Could not find version {wanted} of Prompt with identifier: {name.id}.",
        )
    kept = prompt.versions[wanted]
    answer = {
        "name": prompt.name,
        "description": prompt.description,
        "variants": [variant.as_aws() for variant in kept.variants],
        "id": prompt.id,
        "arn": prompt.arn if wanted == "DRAFT" else f"{prompt.arn}:{wanted}",
        "version": wanted,
        "createdAt": "2025-01-15T09:00:00Z",
        "updatedAt": "2025-01-15T09:00:00Z",
    }
    return answer | ({"defaultVariant": kept.default_variant} if kept.default_variant else {})


def _denied(name: PromptName) -> Refusal:
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/gateway/session"
    resource = f"arn:aws:bedrock:{name.region}:{name.account}:prompt/{name.id}"
    return Refusal(
        Reason.STATUS,
        f"User: {role} is not authorized to perform: bedrock:GetPrompt on resource: {resource} "
        "because no resource-based policy allows the bedrock:GetPrompt action",
        status=403,
        code="AccessDeniedException",
    )
