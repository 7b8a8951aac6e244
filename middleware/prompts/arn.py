"""The name of a managed prompt, which stands where a model's id would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from botocore.loaders import Loader

from middleware.prompts.errors import InvalidPromptArn

_LOOKS = re.compile(r"arn:[^:]*:bedrock:[^:]*:[^:]*:prompt/.*", re.S)
# The region becomes a part of a host's name, so nothing else is let through.
_REGION = re.compile(r"(?=.{1,20}\Z)[a-z]{2,5}(?:-[a-z]+){1,3}-[0-9]{1,2}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_RESOURCE = re.compile(r"prompt/(?P<id>[0-9a-zA-Z]{10})(?::(?P<version>DRAFT|(?!0+\Z)[0-9]{1,5}))?")
_FORM = "arn:<partition>:bedrock:<region>:<account>:prompt/<id>, with or without :<version>"


@dataclass(frozen=True, slots=True)
class PromptArn:
    """The ARN of a prompt, and which of its versions is meant; without one it is the draft."""

    partition: str
    region: str
    account: str
    id: str
    version: str | None = None

    @classmethod
    def parse(cls, model_id: str) -> PromptArn | None:
        """The prompt that a model's id names; None where it names none.

        Raises:
            InvalidPromptArn: it names one, and not correctly.
        """
        if not model_id.startswith("arn:") or not _LOOKS.fullmatch(model_id):
            return None
        _, partition, _, region, account, resource = model_id.split(":", 5)
        if not _REGION.fullmatch(region) or _partition(region) != partition:
            raise InvalidPromptArn(
                f"The ARN of the prompt is not valid: there is no region {region[:40]!r} in a partition "
                f"{partition[:40]!r}."
            )
        if not _ACCOUNT.fullmatch(account):
            raise InvalidPromptArn(
                "The ARN of the prompt is not valid: an account has 12 digits. It has to be "
                f"{_FORM}."
            )
        if not (found := _RESOURCE.fullmatch(resource)):
            raise InvalidPromptArn(
                "The ARN of the prompt is not valid: an id has 10 letters and digits, a version is "
                f"DRAFT or has 1 to 5 digits. It has to be {_FORM}."
            )
        return cls(partition, region, account, found["id"], found["version"])

    @property
    def identifier(self) -> str:
        """The ARN of the prompt itself, of whatever version."""
        return f"arn:{self.partition}:bedrock:{self.region}:{self.account}:prompt/{self.id}"

    @property
    def path(self) -> str:
        """Where GetPrompt finds it, encoded as botocore encodes it, since the path is signed."""
        query = f"?promptVersion={self.version}" if self.version else ""
        return f"/prompts/{quote(self.identifier, safe='')}/{query}"

    def __str__(self) -> str:
        return f"{self.identifier}:{self.version}" if self.version else self.identifier


@lru_cache(maxsize=256)
def _partition(region: str) -> str | None:
    """The partition that botocore takes a region to be in, which may be one that it has no name of yet."""
    return next((p["id"] for p in _partitions() if re.match(p["regionRegex"], region)), None)


@cache
def _partitions() -> list[dict[str, Any]]:
    partitions: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]
    return partitions
