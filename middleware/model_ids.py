"""Which of the gateway's models is meant by the id that Bedrock has for it.

Callers and managed prompts name models as AWS does, by the id or the ARN of a model or an inference profile,
and the gateway's own name for the same model may be any. A name is only found where it is the only one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_PROVIDER = "bedrock/"
_GEOGRAPHY = re.compile(r"(?:us|us-gov|eu|apac|ap|jp|au|ca|sa|me|af|il|mx|in|kr|global)\.")
# Others have ids that AWS makes up, which mean nothing outside of their account.
_PUBLIC = ("foundation-model", "inference-profile")


@dataclass(frozen=True, slots=True)
class ModelIds:
    """The names that ids stand for."""

    by_target: Mapping[str, str] = field(default_factory=dict)
    """By the id or ARN that a deployment points to."""
    by_bare_id: Mapping[str, str] = field(default_factory=dict)
    """By an id without its geography: one that a deployment points to, or a name itself."""

    @classmethod
    def of(cls, models: Any) -> ModelIds:
        """The ids in LiteLLM's list of its deployments."""
        targets: dict[str, set[str]] = {}
        bare: dict[str, set[str]] = {}
        for entry in models.get("data") or ():
            name = str(entry["model_name"])
            if "*" in name:
                continue
            bare.setdefault(_bare(name), set()).add(name)
            for target in _targets(entry["litellm_params"]):
                targets.setdefault(target, set()).add(name)
                bare.setdefault(_bare(target), set()).add(name)
        return cls(_single(targets), _single(bare))

    def name(self, model_id: str) -> str | None:
        """The name that an id or ARN stands for; None where there is none, or more than one."""
        public = _public(model_id) or model_id
        found = self.by_target.get(model_id) or self.by_target.get(public)
        return found or self.by_bare_id.get(_bare(public))


def _targets(params: Mapping[str, Any]) -> Iterator[str]:
    """What a deployment of Bedrock's points to; an ARN of something public by its id as well."""
    model = str(params.get("model", ""))
    if not model.startswith(_PROVIDER):
        return
    # LiteLLM takes routes, regions and model families before the id: `bedrock/converse/us-east-1/<id>`
    _, arn, resource = model.partition("arn:")
    given = [arn + resource if arn else model.rpartition("/")[2], params.get("model_id")]
    for target in given:
        if isinstance(target, str) and target and "*" not in target:
            yield target
            if public := _public(target):
                yield public


def _public(model_id: str) -> str | None:
    """The id in the ARN of a foundation model or an inference profile."""
    if not model_id.startswith("arn:"):
        return None
    kind, _, name = model_id.split(":", 5)[-1].partition("/")
    return name if kind in _PUBLIC else None


def _bare(model_id: str) -> str:
    found = _GEOGRAPHY.match(model_id)
    return model_id[found.end() :] if found else model_id


def _single(found: Mapping[str, set[str]]) -> dict[str, str]:
    return {key: next(iter(names)) for key, names in found.items() if len(names) == 1}
