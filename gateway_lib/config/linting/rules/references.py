"""What a configuration takes from the environment: `os.environ/NAME`, and the providers' keys."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway_lib.config import variables
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, meant, rule
from gateway_lib.findings import Severity

REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_MEANT = re.compile(
    r"os\.environ(?:\.|\[|:|/\s)|os\.getenv|os\.env/|\$\{[A-Z_]+\}|\$[A-Z_]{3,}|env/|environ/|ENV\["
)
_REGION = ("aws_region_name", "vertex_location")


@rule("reference/dangling", "`os.environ/NAME` of which LiteLLM's process has no such variable")
def dangling(context: Context) -> Places:
    names = variables.given()
    for place, _, text in strings(context):
        if (found := REFERENCE.fullmatch(text)) and found[1] not in names:
            if context.environment.get(found[1]) and _is_local_only(context):
                continue
            close = meant(found[1], names)
            yield (
                place,
                f"The process of LiteLLM has no variable `{found[1]}`, so that this is empty.",
                f"Write `os.environ/{close}`."
                if close
                else "Pass it on first: docs/how-to/add-a-provider.md says where.",
            )


@rule(
    "reference/not-understood", "a way to name a variable that LiteLLM takes for the value itself"
)
def not_understood(context: Context) -> Places:
    for place, _, text in strings(context):
        if not REFERENCE.fullmatch(text) and _MEANT.match(text):
            yield (
                place,
                "LiteLLM would take this text itself for the value; it only knows"
                " `os.environ/NAME`.",
                "Write `os.environ/NAME`, without anything before or after.",
            )


@rule("provider/no-key", "a deployment whose provider needs a key and that names none")
def no_key(context: Context) -> Places:
    for one in context.deployments():
        if _is_redirected(context, one.provider) or one.provider in variables.WITHOUT_KEY:
            continue
        if any(one.params.get(name) for name in ("api_key", "litellm_credential_name")):
            continue
        if any(str(name).startswith(("vertex_", "azure_ad_", "client_")) for name in one.params):
            continue
        variable = variables.key_of(one.provider)
        if variable is None:
            yield (
                context.within(one.entry),
                f"Nothing gives LiteLLM a key for `{one.provider}`, so every call of `{one.name}`"
                " would be refused.",
                "Add `api_key: os.environ/NAME` and pass NAME on: docs/how-to/add-a-provider.md.",
            )
        elif not context.environment.get(variable):
            yield (
                context.within(one.entry),
                f"`{one.name}` names no key, and {variable} is not set.",
                f"Add `api_key: os.environ/{variable}`, and set {variable} in `.env`.",
            )


@rule(
    "provider/key-not-set",
    "a provider whose key is not set here: its models would be listed and every call refused",
    Severity.WARNING,
)
def key_not_set(context: Context) -> Places:
    told: set[str] = set()
    for one in context.deployments():
        found = REFERENCE.fullmatch(str(one.params.get("api_key")))
        if found is None or found[1] in told or _is_redirected(context, one.provider):
            continue
        if found[1] in variables.given() and not context.environment.get(found[1]):
            told.add(found[1])
            yield (
                context.within(one.entry),
                f"{found[1]} is not set: the models of `{one.provider}` would be listed and every"
                " call of them refused.",
                f"Set {found[1]} in `.env`, or remove the models"
                ' (`remove_models: ["..."]` in config/config.yaml).',
            )


def strings(context: Context) -> Iterator[tuple[tuple[Path, int], Hashable, str]]:
    """Every text of the layers: its place, the key or index it has there, and the text."""
    for layer in context.layers:
        for container, key, value in _walk(layer.content):
            if isinstance(value, str):
                yield (layer.path, layer.line(container, key) or 1), key, value


def _walk(container: Any) -> Iterator[tuple[Any, Hashable, Any]]:
    members = (
        container.items()
        if isinstance(container, Mapping)
        else enumerate(container)
        if isinstance(container, list)
        else ()
    )
    for key, value in members:
        yield container, key, value
        yield from _walk(value)


def _is_redirected(context: Context, provider: str) -> bool:
    return context.providers is not None and provider in context.providers


def _is_local_only(context: Context) -> bool:
    return context.providers is not None


RULES = (dangling, not_understood, no_key, key_not_set)
