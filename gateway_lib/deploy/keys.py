"""The keys of model providers: from the shell and `.env` into AWS Secrets Manager, and nowhere else.

The environment's secret is one JSON object with a name for each key. The template makes it without a value
and exports a reference for each name, `<ARN>:<NAME>::`, so the exports say which names it must have: all of
them, empty where nothing is given, since a container whose secret lacks a name does not start.
Names are shown, values never.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway_lib.deploy.aws import Aws, AwsError, told
from gateway_lib.deploy.site import Site

_EXPORT = "ProviderKeys"


@dataclass(frozen=True)
class Keys:
    """What became of the keys, by name."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    """In the secret already."""
    empty: tuple[str, ...]
    """Neither given nor in the secret: their providers cannot be called."""
    changed: bool
    """Whether the secret was written."""

    def __str__(self) -> str:
        parts = [("written", self.written), ("kept", self.kept), ("not given", self.empty)]
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)


def export_of(site: Site, name: str) -> str:
    """The full name of an export of the environment."""
    return f"{site.application}-{site.environment}-{name}"


def deliver(site: Site, aws: Aws) -> Keys:
    """Put the given keys into the environment's secret. What is not given stays as it is there.

    Raises:
        AwsError: The environment has no such secret, or it cannot be read or written.
    """
    name = export_of(site, _EXPORT)
    exports = aws.exports()
    arn = exports.get(name)
    if arn is None:
        raise AwsError(
            f"no stack exports {name}, the secret of provider keys: is the environment up?"
        )
    client = aws.client("secretsmanager")
    before = _read(client, arn)
    names = sorted({key for value in exports.values() if (key := _name(value, arn))} | set(before))
    after = {key: site.given(key) or before.get(key, "") for key in names}
    if after != before:
        with told("Secrets Manager"):
            client.put_secret_value(SecretId=arn, SecretString=json.dumps(after))
    return Keys(
        written=tuple(key for key in names if after[key] and after[key] != before.get(key)),
        kept=tuple(key for key in names if after[key] and after[key] == before.get(key)),
        empty=tuple(key for key in names if not after[key]),
        changed=after != before,
    )


def _name(value: str, arn: str) -> str:
    """The name in a reference to a key of the secret; empty where the value is none."""
    return value.removeprefix(f"{arn}:").partition(":")[0] if value.startswith(f"{arn}:") else ""


def _read(client: Any, arn: str) -> dict[str, str]:
    """What the secret holds; nothing where it has never had a value."""
    try:
        with told("Secrets Manager"):
            text = client.get_secret_value(SecretId=arn)["SecretString"]
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return {}
        raise
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(v, str) for v in document.values()):
        raise AwsError("the secret of provider keys is no JSON object of texts; nothing is written")
    return document
