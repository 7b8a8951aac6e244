"""The report of a run: the executed notebook as one page that needs nothing else.

A command's run has no notebook; its report has what it says in `notes.md`, and its figures. Code is folded
away, figures are inside the file, and the page's own policy forbids the browser to fetch anything, so it
can be mailed, archived and opened without a network.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode, v4
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from gateway_lib.runs.manifest import Manifest, write_atomically
from gateway_lib.runs.plan import read_notebook
from gateway_lib.runs.words import duration_text, figure_text, moment_text

REPORT = "report.html"
NOTES = "notes.md"
_TEMPLATES = Path(__file__).parent / "templates"


def write_report(folder: Path, manifest: Manifest, figures: Mapping[str, str]) -> Path | None:
    """Write `report.html` of a run folder; nothing where nothing was ever saved.

    Args:
        folder: The run folder.
        manifest: What the run was.
        figures: By file name, what each figure shows.

    Raises:
        OSError: The report cannot be written.
        RunError: The executed notebook cannot be read.
    """
    source, notes = folder / "executed.ipynb", folder / NOTES
    if source.is_file():
        notebook = read_notebook(source)
    elif notes.is_file():
        notebook = _of_notes(notes.read_text(encoding="utf-8"), folder, figures)
    else:
        return None
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="report",
        extra_template_basedirs=[str(_TEMPLATES)],
        extra_template_paths=[str(_TEMPLATES)],
        exclude_anchor_links=True,
        filters={"moment": moment_text, "duration": duration_text, "figure": figure_text},
    )
    page, _ = exporter.from_notebook_node(
        notebook,
        resources={
            "run": manifest.model_dump(),
            "light": HtmlFormatter(style="friendly").get_style_defs(".highlight"),
            "dark": HtmlFormatter(style="github-dark").get_style_defs(".highlight"),
        },
    )
    write_atomically(folder / REPORT, page)
    return folder / REPORT


def _of_notes(text: str, folder: Path, figures: Mapping[str, str]) -> NotebookNode:
    cells = [v4.new_markdown_cell(text)]  # type: ignore[no-untyped-call]
    for name, alt in figures.items():
        png = base64.b64encode((folder / "figures" / name).read_bytes()).decode()
        shown = v4.new_output(  # type: ignore[no-untyped-call]
            "display_data", {"image/png": png}, metadata={"image/png": {"alt": alt}}
        )
        cells.append(v4.new_code_cell(outputs=[shown]))  # type: ignore[no-untyped-call]
    return v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call, no-any-return]
