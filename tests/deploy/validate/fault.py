"""A planted fault: a small edit of the right tree, and where it must be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "§"
"""Stands in the line that the finding must name; it is taken out before the file is written."""

SERVICE = "copilot/gateway/manifest.yml"
JOB = "copilot/evaluate/manifest.yml"
DEV, PROD = (f"copilot/environments/{name}/manifest.yml" for name in ("dev", "prod"))
PATCHES = "copilot/gateway/overrides/cfn.patches.yml"
ENV_PATCHES = "copilot/environments/overrides/cfn.patches.yml"
ENV_ADDONS, ADDONS = "copilot/environments/addons", "copilot/gateway/addons"
ENV_PARAMETERS, PARAMETERS = (f"{p}/addons.parameters.yml" for p in (ENV_ADDONS, ADDONS))
DATABASE, REDIS, NETWORK, SECRETS, FIREWALL, KEYS = (
    f"{ENV_ADDONS}/{n}.yml"
    for n in ("database", "redis", "network", "secrets", "firewall", "encryption")
)
BUCKET, BEDROCK, ALARMS = (f"{ADDONS}/{name}.yml" for name in ("call-logs", "bedrock", "alarms"))
IMAGES = "copilot/images.yaml"


@dataclass(frozen=True)
class Edit:
    """Put `new` in the place of `old`, which is there once; without `old`, make or replace the file."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> int:
        """Make the edit; the number of the marked line, 0 without a mark."""
        path = root / self.file
        text = self.new
        if self.old:
            before = path.read_text()
            assert before.count(self.old) == 1, f"{before.count(self.old)} times in {self.file}"
            text = before.replace(self.old, self.new)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(MARK, ""))
        return next((n for n, t in enumerate(text.split("\n"), 1) if MARK in t), 0)


@dataclass(frozen=True)
class Fault:
    """What is planted and what must be found: this rule, these others, and nothing else."""

    rule: str
    edits: tuple[Edit, ...]
    at: str | None = None
    """The file of the finding, where it is not that of the marked edit."""
    line: int | None = None
    """The line, where no line is marked."""
    also: tuple[str, ...] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """Shell variables to set, or, with None, to take away."""
    gone: tuple[str, ...] = ()
    """Files that are removed."""

    def plant(self, root: Path) -> tuple[Path, int]:
        """Make the edits; where the finding must be."""
        for name in self.gone:
            (root / name).unlink()
        marked = [(edit.file, line) for edit in self.edits if (line := edit.apply(root))]
        assert len(marked) <= 1, "one line is marked"
        file, line = marked[0] if marked else (self.at or self.edits[0].file, 0)
        return root / (self.at or file), line if self.line is None else self.line


def edit(rule: str, file: str, old: str, new: str, *more: Edit, **how: object) -> Fault:
    """A fault of one edit, or of more."""
    return Fault(rule, (Edit(file, old, new), *more), **how)  # type: ignore[arg-type]
