"""The run a notebook is part of, seen from inside the notebook."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_lib.errors import SecretInArtefact
from gateway_lib.runs import provenance, registry
from gateway_lib.runs.artefacts import collect
from gateway_lib.runs.manifest import Manifest, write_atomically
from gateway_lib.runs.redaction import Redactor, redactor
from gateway_lib.settings import process_environment, settings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gateway_lib.plots import Picture

FOLDER_VARIABLE = "GATEWAY_RUN_FOLDER"
SUMMARY = "summary.json"
RECORDS = "records.parquet"
_DPI = 200


class Run:
    """Where a notebook leaves its numbers, records and figures.

    Every text that goes in is checked: a secret of the environment is refused, and what looks like
    a key (say, in a model's answer) is blanked.
    """

    def __init__(self, folder: Path, guard: Redactor, *, interactive: bool = False) -> None:
        """Attach to a run folder.

        Args:
            folder: The run folder; an interactive one is made at the first write.
            guard: Knows the secrets that must not get in.
            interactive: Nobody else writes the manifest, so every write does.
        """
        self.folder = folder
        self._guard = guard
        self._interactive = interactive

    def metrics(self, **headline: float | int | str | bool | None) -> None:
        """Add headline figures; name them with their unit: `ttft_p50_ms=41.2`."""
        self._update("metrics", headline)

    def summary(self, results: Mapping[str, Any]) -> None:
        """Add results to `summary.json`; anything JSON can hold, NaN becomes null."""
        self._update("summary", results)

    def records(self, frame: pd.DataFrame) -> None:
        """Keep a tidy table, one row per observation, as `records.parquet`."""
        from pandas.api.types import is_numeric_dtype

        clean = frame.rename(columns=lambda name: self._checked(str(name), RECORDS))
        for name in clean.columns:
            if not is_numeric_dtype(clean[name].dtype):
                clean[name] = clean[name].map(lambda item: self._checked(item, RECORDS))
        clean.attrs = self._checked(dict(frame.attrs), RECORDS)
        self._make()
        clean.to_parquet(self.folder / RECORDS, index=False)
        self._note()

    def figure(self, figure: Figure, name: str, *, alt: str) -> None:
        """Keep a figure as `figures/<name>.png` and show it.

        Args:
            figure: Closed afterwards, so that it is not shown a second time.
            name: Lower-case words, digits and hyphens.
            alt: What the figure shows, for who cannot see it.
        """
        from matplotlib import pyplot

        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise ValueError(f"figure name {name!r}: lower-case letters, digits, - and _ only")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight")
        pyplot.close(figure)
        self._make()
        (self.folder / "figures").mkdir(exist_ok=True)
        (self.folder / "figures" / f"{name}.png").write_bytes(buffer.getvalue())
        self._update("figures", {f"{name}.png": alt})
        _show(buffer.getvalue(), alt)

    def picture(self, picture: Picture) -> None:
        """Keep a figure that knows its name and what it shows."""
        self.figure(picture.figure, picture.name, alt=picture.alt)

    def page(self, name: str, html: str) -> Path:
        """Keep a page as `<name>.html`; the path of it."""
        return self.text(f"{name}.html", html)

    def text(self, name: str, content: str) -> Path:
        """Keep a text as a file of the run; the path of it."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*\.[a-z]+", name):
            raise ValueError(f"file name {name!r}: lower-case letters, digits, - and _ only")
        self._make()
        path = self.folder / name
        write_atomically(path, str(self._checked(content, name)))
        self._note()
        return path

    def _update(self, part: str, items: Mapping[str, Any]) -> None:
        self._make()
        path = self.folder / SUMMARY
        document = read_summary(self.folder)
        document[part] = {**document[part], **self._checked(_plain(items), SUMMARY)}
        write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        self._note()

    def _checked(self, value: Any, file: str) -> Any:
        if isinstance(value, str | Mapping | list | tuple):
            if self._guard.holds_known(str(value)):
                raise SecretInArtefact(f"{file} would hold a secret of the environment")
            return self._guard.value(value)
        return value

    def _make(self) -> None:
        if self._interactive and not self.folder.exists():
            self.folder.mkdir(parents=True)
            known = settings()
            Manifest(
                id=self.folder.name,
                notebook=notebook_of(self.folder.name),
                status="interactive",
                started=datetime.now(UTC),
                gateway=provenance.gateway_facts(known),
                git=provenance.git_state(),
                lock_sha256=provenance.lock_sha256(),
                machine=provenance.machine(),
                pid=os.getpid(),
                packages=provenance.package_versions(),
            ).write(self.folder)

    def _note(self) -> None:
        if self._interactive:
            document = read_summary(self.folder)
            Manifest.read(self.folder).with_(
                metrics=document["metrics"],
                artefacts=collect(self.folder, document["figures"]),
            ).write(self.folder)
            registry.rebuild_index(self.folder.parent)


@cache
def current() -> Run:
    """The run this process is part of.

    Under `gateway run` its folder waits. In a notebook opened by hand a new folder with the status
    "interactive" is made at the first write.
    """
    guard = redactor(process_environment(), settings().secrets())
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return Run(Path(folder), guard)
    name = Path(os.environ.get("JPY_SESSION_NAME", "interactive")).stem
    return Run(settings().runs_dir / new_id(name), guard, interactive=True)


def new_id(notebook: str) -> str:
    """Id of a new run, `<UTC>-<notebook>-<six hex digits>`: sorts by time, unique in a folder."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", notebook).strip("_") or "notebook"
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}-{secrets.token_hex(3)}"


def notebook_of(run_id: str) -> str:
    """Name of the notebook in a run id."""
    return run_id.split("-", 1)[-1].rpartition("-")[0]


def read_summary(folder: Path) -> dict[str, dict[str, Any]]:
    """`summary.json` of a run folder, with each of its three parts, empty where absent."""
    path = folder / SUMMARY
    document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {part: document.get(part, {}) for part in ("metrics", "summary", "figures")}


def _plain(value: Any) -> Any:
    """A value as JSON knows it; numpy scalars unpacked, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _show(png: bytes, alt: str) -> None:
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return
    width = int.from_bytes(png[16:20]) // (_DPI // 100)
    display(  # type: ignore[no-untyped-call]
        {"image/png": base64.b64encode(png).decode(), "text/plain": alt},
        metadata={"image/png": {"width": width, "alt": alt}},
        raw=True,
    )
