"""What a rule looks at: a configuration as it takes effect, and where each part of it is written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gateway_lib.config.build import provider
from gateway_lib.config.linting.document import Document
from gateway_lib.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of `model_list` that has what LiteLLM needs of one."""

    entry: Mapping[str, Any]
    name: str
    params: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.params["model"])

    @property
    def provider(self) -> str:
        return str(self.params.get("custom_llm_provider") or provider(self.model))

    @property
    def info(self) -> Mapping[str, Any]:
        info = self.entry.get("model_info")
        return info if isinstance(info, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Context:
    """A configuration to be checked."""

    layers: tuple[Document, ...]
    """The file that is checked first, then what lies below it."""
    config: Mapping[str, Any]
    """All layers laid over each other, before an overlay's redirection."""
    environment: Mapping[str, str]
    litellm: str
    """The version of LiteLLM that would run it."""
    today: date

    @property
    def path(self) -> Path:
        return self.layers[0].path

    @property
    def providers(self) -> Mapping[str, Any] | None:
        """An overlay's redirections, None where nothing redirects."""
        found = self.config.get("providers")
        return found if isinstance(found, Mapping) else None

    def section(self, name: str) -> Mapping[str, Any]:
        """A section, empty where there is none or it is not a mapping."""
        found = self.config.get(name)
        return found if isinstance(found, Mapping) else {}

    def deployments(self) -> Iterator[Deployment]:
        """The entries of `model_list` that are well-formed."""
        for entry in self.entries("model_list"):
            params = entry.get("litellm_params")
            if entry.get("model_name") and isinstance(params, Mapping) and params.get("model"):
                yield Deployment(entry, str(entry["model_name"]), params)

    def entries(self, section: str) -> Iterator[Mapping[str, Any]]:
        """The mappings of a list of them."""
        found = self.config.get(section)
        for entry in found if isinstance(found, list) else []:
            if isinstance(entry, Mapping):
                yield entry

    def at(self, *keys: Hashable) -> tuple[Path, int]:
        """Where a setting is written: in the outermost layer that has it, else where its parent is."""
        for length in range(len(keys), 0, -1):
            for layer in self.layers:
                if found := layer.find(*keys[:length]):
                    return layer.path, found[1]
        return self.path, 1

    def within(self, container: Any, key: Hashable = None) -> tuple[Path, int]:
        """Where a mapping or list of a layer, or a key of it, is written."""
        for layer in self.layers:
            if line := layer.line(container, key):
                return layer.path, line
        return self.path, 1


def finding(
    place: tuple[Path, int],
    rule: str,
    problem: str,
    mend: str,
    severity: Severity = Severity.ERROR,
) -> Finding:
    """A finding at a place."""
    return Finding(place[0], place[1], rule, problem, mend, severity)
