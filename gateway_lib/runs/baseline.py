"""Which run others are measured against: one of each notebook, pinned in `baselines.json` beside the runs."""

from __future__ import annotations

import json
from pathlib import Path

from gateway_lib.errors import RunNotFound
from gateway_lib.runs.manifest import write_atomically
from gateway_lib.runs.registry import Entry, find_run, list_runs

BASELINES = "baselines.json"


def pin(runs_dir: Path, entry: Entry) -> str | None:
    """Make a run the baseline of its notebook; the id of the one that was before.

    Raises:
        RunNotFound: The run did not succeed, and nothing can be measured against it.
    """
    manifest = entry.manifest
    if manifest.status not in ("succeeded", "interactive"):
        raise RunNotFound(f"{manifest.id} is no baseline: it is {manifest.status}")
    known = baselines(runs_dir)
    before = known.get(manifest.notebook)
    known[manifest.notebook] = manifest.id
    write_atomically(runs_dir / BASELINES, json.dumps(known, indent=2, sort_keys=True) + "\n")
    return before


def baselines(runs_dir: Path) -> dict[str, str]:
    """Ids of the pinned runs, by notebook; none where the file is not there or cannot be read."""
    try:
        known = json.loads((runs_dir / BASELINES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def baseline_of(runs_dir: Path, notebook: str) -> Entry:
    """The baseline of a notebook.

    Raises:
        RunNotFound: None is pinned, or its folder is gone.
    """
    known = baselines(runs_dir).get(notebook)
    if known is None:
        raise RunNotFound(f"no baseline of {notebook}: pin one with `gateway runs pin RUN`")
    return find_run(runs_dir, known)


def newest_of(runs_dir: Path, notebook: str, *, but: str = "") -> Entry:
    """The newest run of a notebook that succeeded.

    Args:
        runs_dir: Folder of the runs.
        notebook: Name.
        but: Id of one that does not count.

    Raises:
        RunNotFound: There is none.
    """
    for entry in list_runs(runs_dir):
        manifest = entry.manifest
        fits = manifest.notebook == notebook and manifest.id != but
        if fits and manifest.status in ("succeeded", "interactive"):
            return entry
    raise RunNotFound(f"no run of {notebook} to compare{' with its baseline' if but else ''}")
