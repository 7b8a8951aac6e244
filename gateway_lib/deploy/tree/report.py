"""Where the checks put what they find."""

from __future__ import annotations

from pathlib import Path

from gateway_lib.deploy.tree.rule import Rule
from gateway_lib.findings import Finding


class Report:
    """Findings, each once: environments share most of a manifest, and so most of its faults."""

    def __init__(self) -> None:
        self._findings: dict[tuple[Path, int, str, str], Finding] = {}

    def add(
        self, rule: Rule, path: Path, line: int, problem: str, mend: str, about: str = ""
    ) -> None:
        """Note a breach of a rule; `about` tells two faults of one rule in one line apart."""
        finding = Finding(path, line, rule.name, problem, mend, rule.severity)
        self._findings.setdefault((path, line, rule.name, about), finding)

    def findings(self) -> list[Finding]:
        """What was found, by file and line."""
        return sorted(self._findings.values())
