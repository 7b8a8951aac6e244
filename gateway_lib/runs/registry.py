"""All runs of a folder: finding them, and the page that lists them."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader

from gateway_lib.errors import RunNotFound
from gateway_lib.runs.manifest import Manifest, write_atomically
from gateway_lib.runs.words import duration_text, figure_text, moment_text

INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """A run folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def report(self) -> str | None:
        """Path of the report beside the index; none when there is none (yet)."""
        report = self.folder / "report.html"
        return f"{self.folder.name}/report.html" if report.is_file() else None

    @property
    def thumbnail(self) -> tuple[str, str] | None:
        """First figure of the run: path beside the index, and what it shows."""
        for artefact in self.manifest.artefacts:
            if artefact.path.startswith("figures/") and artefact.path.endswith(".png"):
                return f"{self.folder.name}/{artefact.path}", artefact.alt or ""
        return None


def list_runs(runs_dir: Path) -> list[Entry]:
    """Every run whose manifest can be read, newest first."""
    entries: list[Entry] = []
    for folder in runs_dir.iterdir() if runs_dir.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            entries.append(Entry(folder, Manifest.read(folder).as_seen_now()))
    return sorted(entries, key=lambda e: (e.manifest.started, e.folder.name), reverse=True)


def find_run(runs_dir: Path, wanted: str) -> Entry:
    """The run with an id, with a unique beginning of one or of its last six digits, or `latest`.

    A path leads to a run folder that lies elsewhere, say one that came from another machine.

    Raises:
        RunNotFound: There is none, or more than one.
    """
    if "/" in wanted:
        try:
            return Entry(Path(wanted), Manifest.read(Path(wanted)).as_seen_now())
        except (OSError, ValueError):
            raise RunNotFound(f"{wanted} is not the folder of a run") from None
    entries = list_runs(runs_dir)
    if wanted == "latest" and entries:
        return entries[0]
    exact = [entry for entry in entries if entry.folder.name == wanted]
    matching = exact or [entry for entry in entries if wanted and _begins(entry, wanted)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        some = ", ".join(entry.folder.name for entry in matching[:4])
        raise RunNotFound(f"{len(matching)} runs match {wanted!r}: {some}, ...")
    raise RunNotFound(f"no run matches {wanted!r} in {runs_dir}; `gateway runs list` shows them")


def _begins(entry: Entry, wanted: str) -> bool:
    name = entry.folder.name
    return name.startswith(wanted) or name.rpartition("-")[2].startswith(wanted)


def rebuild_index(runs_dir: Path) -> Path:
    """Write `index.html` anew from the manifests; runs that end together take turns."""
    page = _environment().get_template("index.html.j2")
    index = runs_dir / INDEX
    with _turn(runs_dir):
        write_atomically(index, page.render(entries=list_runs(runs_dir)))
    return index


@contextlib.contextmanager
def _turn(runs_dir: Path) -> Iterator[None]:
    # Without it a slow writer could put back a page that lacks the run of a faster one.
    with (runs_dir / ".index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway_lib.runs"), autoescape=True, trim_blocks=True
    )
    environment.filters.update(moment=moment_text, duration=duration_text, figure=figure_text)
    return environment
