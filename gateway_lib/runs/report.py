"""The report of a run: the executed notebook as one page that needs nothing else.

Code is folded away, figures are inside the file, and the page's own policy forbids the browser to
fetch anything, so it can be mailed, archived and opened without a network.
"""

from __future__ import annotations

from pathlib import Path

from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from gateway_lib.runs.manifest import Manifest, write_atomically
from gateway_lib.runs.plan import read_notebook
from gateway_lib.runs.words import duration_text, figure_text, moment_text

REPORT = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"


def write_report(folder: Path, manifest: Manifest) -> Path | None:
    """Write `report.html` of a run folder; nothing when no cell was ever saved.

    Raises:
        OSError: The report cannot be written.
        RunError: The executed notebook cannot be read.
    """
    source = folder / "executed.ipynb"
    if not source.is_file():
        return None
    notebook = read_notebook(source)
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
