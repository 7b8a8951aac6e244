"""An experiment's file as it is checked, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

from gateway_lib.config.layers import CONFIG_DIR, chosen, read, whole
from gateway_lib.config.linting.document import Document
from gateway_lib.experiments.file import Experiment
from gateway_lib.findings import Finding, Severity
from gateway_lib.settings import settings
from middleware.experiments.definition import Definition


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that can be read: what it says, and on which line."""

    document: Document
    experiment: Experiment
    models: tuple[str, ...]

    @property
    def routing(self) -> Definition:
        return self.experiment.routing

    def line(self, *keys: Hashable) -> int:
        """Where something is written, or what it would be a part of."""
        found = (self.document.find(*keys[:end]) for end in range(len(keys), 0, -1))
        return next((one[1] for one in found if one), 1)

    def error(self, rule: str, at: tuple[Hashable, ...], problem: str, mend: str) -> Finding:
        return Finding(self.document.path, self.line(*at), rule, problem, mend)

    def warning(self, rule: str, at: tuple[Hashable, ...], problem: str, mend: str) -> Finding:
        line = self.line(*at)
        return Finding(self.document.path, line, rule, problem, mend, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault."""

    name: str
    summary: str
    """What is found, as one row of the table in docs/experiments.md."""
    check: Callable[[Draft, str], Iterator[Finding]]

    def findings(self, draft: Draft) -> Iterator[Finding]:
        return self.check(draft, self.name)


def served_models() -> list[str]:
    """Models of the configuration, and those that an overlay adds for a place."""
    overlays = [read(CONFIG_DIR / f"{place}.yaml") for place in ("local", "aws")]
    entries: Iterable[object] = [
        entry
        for layer in (whole(chosen(settings().config)), *overlays)
        for entry in layer.get("model_list") or []
    ]
    return sorted({str(entry.get("model_name")) for entry in entries if isinstance(entry, dict)})
