"""`gateway runs compare` and `gateway runs pin`: runs against each other, for people and for CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_lib.cli.options import JsonOption, RunsDirOption

if TYPE_CHECKING:
    from gateway_lib.benchmark.results.run_comparison import RunComparison

_SHADES = {"worse": "red", "better": "green", "same": "", "run invalid": "yellow"}
_MOST_SETUP = 12
_out = Console(highlight=False)


def register(runs: typer.Typer) -> None:
    """Add `compare` and `pin` to `gateway runs`."""
    runs.command("compare")(compare)
    runs.command("pin")(pin)


def compare(
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE",
            help="Run that sets the measure; its id, a beginning of it, or a path.",
        ),
    ],
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="[AFTER]",
            help="Run in question. Without it BEFORE is, against the baseline of its notebook.",
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0, help="Change of a time or cost that does not matter, in percent."),
    ] = 5.0,
    share_tolerance: Annotated[
        float, typer.Option(min=0, help="Change of a share that does not matter, in points.")
    ] = 1.0,
    runs_dir: RunsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """What differs between two benchmark runs: set-up, and each figure with an interval.

    Exit status 3: something became worse beyond the tolerance. 4: it cannot be compared.
    """
    from gateway_lib.benchmark.results.run_comparison import as_json as plain
    from gateway_lib.benchmark.results.run_comparison import compare_runs
    from gateway_lib.runs.baseline import baseline_of
    from gateway_lib.runs.registry import find_run

    folder = _folder(runs_dir)
    first = find_run(folder, before)
    if after is None:
        first, second = baseline_of(folder, first.manifest.notebook), first
    else:
        second = find_run(folder, after)
    pair = compare_runs(first, second, tolerance=tolerance / 100, share_tolerance=share_tolerance)
    if as_json:
        typer.echo(json.dumps(plain(pair), indent=2, default=str, allow_nan=False))
    else:
        _print(pair)
    pair.check()


def pin(
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="Id, a unique beginning of it, or `latest`.")
    ],
    runs_dir: RunsDirOption = None,
) -> None:
    """Make a run the baseline of its notebook, which `gateway runs compare RUN` measures against."""
    from gateway_lib.runs import baseline
    from gateway_lib.runs.registry import find_run

    folder = _folder(runs_dir)
    entry = find_run(folder, run_id)
    was = baseline.pin(folder, entry)
    before = f" (before: {was})" if was and was != entry.manifest.id else ""
    _out.print(
        f"baseline of {entry.manifest.notebook}: {entry.manifest.id}{before}",
        markup=False,
        soft_wrap=True,
    )


def _print(pair: RunComparison) -> None:
    from gateway_lib.benchmark.results.run_comparison import changes_table, setup_table

    found = pair.found
    _out.print(f"before  {pair.before.manifest.id}", markup=False, soft_wrap=True)
    _out.print(f"after   {pair.after.manifest.id}", markup=False, soft_wrap=True)
    if pair.setup:
        _out.print("\nset up differently", style="bold")
        grid = Table.grid(padding=(0, 2))
        for name, row in list(setup_table(pair.setup).iterrows())[:_MOST_SETUP]:
            grid.add_row(Text(str(name), "dim"), *(Text(str(cell)) for cell in row))
        _out.print(grid)
        rest = len(pair.setup) - _MOST_SETUP
        if rest > 0:
            _out.print(f"and {rest} more; --json has them all", style="dim")
    requests = "the same" if found.same_plan else "others"
    _out.print(
        f"\nrequests: {requests}; each interval at {found.confidence:.2%}, all together at 95 %",
        style="dim",
    )
    shown = changes_table(found, brief=True)
    for model, part in shown.groupby(level="model", sort=False):
        _out.print(f"\n{model}", style="bold", markup=False)
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("figure", "before", "after", "change", "verdict"):
            right = heading in ("before", "after", "change")
            table.add_column(heading, no_wrap=True, justify="right" if right else "left")
        for cells in part.droplevel("model").reset_index().to_dict("records"):
            *texts, verdict = map(str, cells.values())
            table.add_row(*map(Text, texts), Text(verdict, _SHADES.get(verdict, "dim")))
        _out.print(table)
    _out.print()
    for which, models in (("before", found.only_before), ("after", found.only_after)):
        if models:
            _out.print(f"only {which}: {', '.join(models)}", markup=False)
    _out.print(pair.verdict(), markup=False, soft_wrap=True)


def _folder(given: Path | None) -> Path:
    from gateway_lib.settings import settings

    return given or settings().runs_dir
