"""The file as such."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from gateway_lib.config.linting import known
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, meant, rule

OURS = frozenset({"extends", "remove_models", "providers", "when"})
"""Sections that this project adds and takes out again before LiteLLM sees the file."""


@rule("yaml/repeated-key", "a key twice in one mapping: YAML keeps the last and drops the first")
def repeated_key(context: Context) -> Places:
    for layer in context.layers:
        for one in layer.repeated:
            yield (
                (layer.path, one.line),
                f"`{one.key}` stands here and at line {one.first_line}; only this one counts.",
                "Keep one of them.",
            )


@rule("settings/unknown-section", "a section that LiteLLM does not have, and so ignores")
def unknown_section(context: Context) -> Places:
    sections = known.sections() | OURS
    for layer in context.layers:
        for name in layer.content:
            if name not in sections:
                close = meant(name, sections)
                yield (
                    (layer.path, layer.line(layer.content, name) or 1),
                    f"LiteLLM has no section `{name}` and ignores it.",
                    f"Write `{close}`." if close else "Remove it, or move what is in it.",
                )


@rule("model/removed-none", "a pattern of `remove_models` that no model has")
def removed_none(context: Context) -> Places:
    for index, layer in enumerate(context.layers):
        patterns = layer.content.get("remove_models")
        below = [
            str(entry.get("model_name"))
            for other in context.layers[index + 1 :]
            for entry in _entries(other.content.get("model_list"))
        ]
        for number, pattern in enumerate(patterns if isinstance(patterns, list) else []):
            if not any(fnmatchcase(name, str(pattern)) for name in below):
                close = meant(pattern, below)
                yield (
                    (layer.path, layer.line(patterns, number) or 1),
                    f"No model below is called `{pattern}`, so none is removed.",
                    f"Write `{close}`." if close else "Remove the pattern.",
                )


def _entries(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@rule("providers/missing", "an overlay that redirects providers, but not one that is in use")
def missing_provider(context: Context) -> Places:
    if context.providers is None:
        return
    for provider in sorted({one.provider for one in context.deployments()}):
        if provider not in context.providers:
            yield (
                context.at("providers"),
                f"Models of the provider `{provider}` are not redirected, and nothing can start.",
                f"Add `{provider}:` with where it is to be called (`as: openai` where the other"
                " end speaks OpenAI's wire alone).",
            )


RULES = (repeated_key, unknown_section, removed_none, missing_provider)
