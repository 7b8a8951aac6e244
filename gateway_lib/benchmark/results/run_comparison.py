"""Two runs, whole: what was set up differently, and what came out differently."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gateway_lib.benchmark.figures.changes import percent
from gateway_lib.benchmark.records.story import KEY, about
from gateway_lib.benchmark.results.comparison import (
    RELATIVE_TOLERANCE,
    SHARE_TOLERANCE,
    Change,
    Comparison,
    compare,
)
from gateway_lib.benchmark.results.intervals import Estimate
from gateway_lib.benchmark.results.metrics import text
from gateway_lib.benchmark.results.summary import load
from gateway_lib.errors import (
    NotComparable,
    RecordsUnusable,
    RegressionFound,
    RunNotFound,
)
from gateway_lib.plots import short_names
from gateway_lib.runs.baseline import baselines, newest_of
from gateway_lib.runs.registry import Entry, find_run
from gateway_lib.runs.setup import Changed, changed

_WIDEST = 28


@dataclass(frozen=True)
class RunComparison:
    """Two runs beside each other.

    Attributes:
        before: The run that sets the measure.
        after: The run in question.
        setup: What was set up differently.
        found: What came out differently.
        first: Records of the one.
        second: Records of the other.
    """

    before: Entry
    after: Entry
    setup: tuple[Changed, ...]
    found: Comparison
    first: pd.DataFrame
    second: pd.DataFrame

    def check(self) -> None:
        """Nothing where all is well.

        Raises:
            RegressionFound: Something became worse beyond the tolerance.
            NotComparable: The meter of a run was overloaded.
        """
        if self.found.regressions:
            raise RegressionFound(self.verdict())
        if self.found.invalid:
            raise NotComparable(self.verdict())

    def headline(self) -> dict[str, int | str]:
        """The figures for the list of runs."""
        verdicts = ("worse", "better", "same", "cannot tell", "n too small")
        counted = {name.replace(" ", "_"): len(self.found.of(name)) for name in verdicts}  # type: ignore[arg-type]
        ids = {"before": self.before.manifest.id, "after": self.after.manifest.id}
        return {**counted, **ids}

    def verdict(self) -> str:
        """The outcome in a sentence."""
        worse, better = self.found.regressions, self.found.of("better")
        unsure = len(self.found.of("cannot tell")) + len(self.found.of("n too small"))
        if worse:
            return f"{len(worse)} regressions: {'; '.join(map(sentence, worse))}"
        if self.found.invalid:
            return f"run invalid: times cannot be compared ({self.found.invalid[0]})"
        gained = f"{len(better)} figures became better; " if better else ""
        said = f"of {len(self.found.changes)} figures {unsure} cannot be told apart"
        return f"no regression; {gained}{said if unsure else 'everything else is the same'}"


def chosen(
    runs_dir: Path, notebook: str, before: str = "", after: str = ""
) -> tuple[Entry, Entry] | None:
    """The two runs that are meant, where they are not named.

    Args:
        runs_dir: Folder of the runs.
        notebook: Whose runs.
        before: Id; else the baseline of the notebook, else its run before `after`.
        after: Id; else the newest of the notebook.

    Returns:
        None where there is only one.

    Raises:
        RunNotFound: One that is named is not there.
    """
    pinned = before or baselines(runs_dir).get(notebook, "")
    try:
        second = find_run(runs_dir, after) if after else newest_of(runs_dir, notebook, but=pinned)
        first = find_run(runs_dir, pinned) if pinned else None
        return first or newest_of(runs_dir, notebook, but=second.manifest.id), second
    except RunNotFound:
        if before or after:
            raise
        return None


def compare_runs(
    before: Entry,
    after: Entry,
    *,
    tolerance: float = RELATIVE_TOLERANCE,
    share_tolerance: float = SHARE_TOLERANCE,
) -> RunComparison:
    """Compare two benchmark runs.

    Args:
        before: The run that sets the measure.
        after: The run in question.
        tolerance: As for `compare`.
        share_tolerance: As for `compare`.

    Raises:
        NotComparable: One has no records of a benchmark, or they have no model in common.
    """
    first, second = _records(before), _records(after)
    found = compare(first, second, tolerance=tolerance, share_tolerance=share_tolerance)
    if not found.changes:
        raise NotComparable(
            f"no model in common: {', '.join(found.only_before)} and {', '.join(found.only_after)}"
        )
    setup = [*changed(before.manifest, after.manifest), *_spec(first, second)]
    return RunComparison(before, after, tuple(setup), found, first, second)


def sentence(change: Change) -> str:
    """A change in words: `gpt-4o-mini TTFT p95 +21 % [+9, +34]`."""
    told = percent(change)
    name = f"{short_names([change.model])[change.model]} {change.metric.short}"
    if told is None:
        return name
    value, low, high = told
    unit = "%" if change.difference and change.difference.relative else "points"
    return f"{name} {_signed(value)} {unit} [{_signed(low)}, {_signed(high)}]"


def changes_table(found: Comparison, *, brief: bool = False) -> pd.DataFrame:
    """Every figure to read: before, after, change with its interval, verdict; by model and figure.

    Args:
        found: The comparison.
        brief: Before and after without their intervals.
    """
    names = short_names(sorted({change.model for change in found.changes}))
    rows = [
        {
            "model": names[change.model],
            "figure": change.metric.label,
            "before": text(change.metric, change.before, brief=brief),
            "after": text(change.metric, change.after, brief=brief),
            "change": _change(change),
            "verdict": change.verdict,
        }
        for change in found.changes
    ]
    return pd.DataFrame(rows).set_index(["model", "figure"])


def setup_table(setup: tuple[Changed, ...] | list[Changed]) -> pd.DataFrame:
    """What was set up differently, to read: by kind and name, before and after."""
    rows = {f"{c.kind}: {c.what}": (_short(c.before), _short(c.after)) for c in setup}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["before", "after"])


def as_json(pair: RunComparison) -> dict[str, Any]:
    """The comparison as plain data; what is infinite or unknown is null."""
    return {
        "before": pair.before.manifest.id,
        "after": pair.after.manifest.id,
        "verdict": pair.verdict(),
        "same_requests": pair.found.same_plan,
        "confidence_of_each": pair.found.confidence,
        "invalid": list(pair.found.invalid),
        "only_before": list(pair.found.only_before),
        "only_after": list(pair.found.only_after),
        "regressions": [f"{c.model} {c.metric.name}" for c in pair.found.regressions],
        "setup": [vars(item) for item in pair.setup],
        "changes": [_plain(change) for change in pair.found.changes],
    }


def _plain(change: Change) -> dict[str, Any]:
    apart = change.difference
    return {
        "model": change.model,
        "metric": change.metric.name,
        "before": _numbers(change.before),
        "after": _numbers(change.after),
        "change": None
        if apart is None
        else {
            "value": _finite(apart.value),
            "low": _finite(apart.low),
            "high": _finite(apart.high),
            "relative": apart.relative,
            "paired": apart.paired,
        },
        "verdict": change.verdict,
    }


def _numbers(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    bounds = {"low": _finite(estimate.low), "high": _finite(estimate.high)}
    return {"value": _finite(estimate.value), **bounds, "n": estimate.n}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _change(change: Change) -> str:
    told = percent(change)
    if told is None or change.difference is None:
        return "\u2013"
    value, low, high = (_signed(each) for each in told)
    unit = " %" if change.difference.relative else ""
    return f"{value}{unit} [{low}, {high}]"


def _signed(value: float) -> str:
    return f"{value:+.1f}" if math.isfinite(value) else "never"


def _short(value: Any) -> str:
    said = "unknown" if value is None else str(value)
    return said if len(said) <= _WIDEST else f"{said[: _WIDEST - 1]}\u2026"


def _records(entry: Entry) -> pd.DataFrame:
    try:
        frame = load(entry.folder)
        about(frame)
    except RecordsUnusable as error:
        raise NotComparable(f"{entry.manifest.id}: {error}") from None
    return frame


def _spec(before: pd.DataFrame, after: pd.DataFrame) -> list[Changed]:
    """What of the benchmarks' specs differs and is no parameter by itself."""
    if KEY not in before.attrs or KEY not in after.attrs:
        return []
    specs = about(before).spec, about(after).spec
    names = dict.fromkeys([*specs[0], *specs[1]])
    return [
        Changed("benchmark", name, specs[0].get(name), specs[1].get(name))
        for name in names
        if specs[0].get(name) != specs[1].get(name)
    ]
