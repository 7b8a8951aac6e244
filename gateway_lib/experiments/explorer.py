"""Looking around in experiments: pick run, figure, metric, segment, arms and time, and see.

In JupyterLab these are widgets. Where nobody is there to pick, under papermill, the same code draws what is
picked at first, once, so that the executed notebook has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gateway_lib import looking
from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments import outcomes
from gateway_lib.experiments.analysis import analyse
from gateway_lib.experiments.figures.cost import cost
from gateway_lib.experiments.figures.distribution import distribution
from gateway_lib.experiments.figures.forest import forest
from gateway_lib.experiments.figures.sequence import sequence
from gateway_lib.experiments.figures.split import split
from gateway_lib.experiments.file import Experiment
from gateway_lib.plots import Picture
from gateway_lib.runs.registry import list_runs
from gateway_lib.runs.run import RECORDS

if TYPE_CHECKING:
    import ipywidgets as widgets

VIEWS = ("effects", "effect over units", "distribution", "split", "cost")
ALL, EVERY_ARM = "all calls", "all arms"
SEGMENTS = ("interface", "streamed", "team")
_UNCORRECTED = (
    "One of several arms was picked: its intervals are no longer corrected for their number, as if there "
    "had been no others."
)
_EXPLORED = "A segment or a part of the time was picked after the fact: good for questions, not for verdicts."


def experiment_runs(runs_dir: Path) -> dict[str, Path]:
    """Folders of the runs that hold an experiment's outcomes, by id, newest first."""
    from pyarrow import parquet

    found = {}
    for entry in list_runs(runs_dir):
        file = entry.folder / RECORDS
        if file.is_file() and "fell_back" in parquet.read_schema(file).names:
            found[entry.manifest.id] = entry.folder
    return found


class Explorer:
    """What is picked, and what it shows.

    Attributes:
        run: Id of a run.
        view: One of `VIEWS`.
        metric: Which metric sequence and distribution are of.
        segment: A part of the calls, `<column>: <value>`, or all.
        arm: A treatment that is compared with the control, or all.
        window: First and last moment, as shares of the time that the outcomes span.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        """Look into runs.

        Raises:
            OutcomesUnusable: There are none.
        """
        if not folders:
            raise OutcomesUnusable("no experiment yet: `gateway run 03_ab_experiment` makes one")
        self.folders = folders
        self._cache: dict[str, pd.DataFrame] = {}
        self.run = next(iter(folders))
        self.view = VIEWS[0]
        self.metric = self.experiment.primary.metric
        self.segment, self.arm = ALL, EVERY_ARM
        self.window = (0.0, 1.0)

    @property
    def frame(self) -> pd.DataFrame:
        """Outcomes of the run."""
        if self.run not in self._cache:
            self._cache = {self.run: outcomes.load_outcomes(self.folders[self.run])}
        return self._cache[self.run]

    @property
    def experiment(self) -> Experiment:
        """Of the run."""
        return outcomes.about(self.frame)[0]

    @property
    def metrics(self) -> list[str]:
        """Those of the experiment, the primary one first."""
        said = self.experiment
        guarded = (each.metric for each in said.guardrails)
        return list(dict.fromkeys((said.primary.metric, *said.secondary, *guarded)))

    @property
    def segments(self) -> list[str]:
        """All, and each value of each column that has several."""
        return [ALL, *(name for name, _ in self._parts())]

    @property
    def arms(self) -> list[str]:
        """All, and each treatment."""
        return [EVERY_ARM, *(arm.name for arm in self.experiment.routing.arms[1:])]

    @property
    def chosen(self) -> pd.DataFrame:
        """Outcomes of what is picked."""
        part: pd.DataFrame = self.frame
        if self.segment != ALL:
            part = part[dict(self._parts())[self.segment].to_numpy()]
        moments = self.frame["assigned_at"]
        first, last = moments.min(), moments.max()
        begin, end = (first + (last - first) * share for share in self.window)
        part = part[(part["assigned_at"] >= begin) & (part["assigned_at"] <= end)]
        if self.arm != EVERY_ARM:
            part = part[part["arm"].isin([self.experiment.routing.control.name, self.arm])]
        return part

    @property
    def compared(self) -> Experiment:
        """The experiment with the arms that are picked."""
        said = self.experiment
        if self.arm == EVERY_ARM:
            return said
        kept = tuple(
            a for a in said.routing.arms if a.name in (said.routing.control.name, self.arm)
        )
        return said.model_copy(update={"routing": said.routing.model_copy(update={"arms": kept})})

    def picture(self) -> Picture | None:
        """The figure; None where there is nothing to draw."""
        part, said = self.chosen, self.compared
        if self.view == "distribution":
            return distribution(part, said, self.metric) if len(part) else None
        if self.view == "split":
            return split(part, said) if len(part) else None
        if (
            self.view == "effect over units"
        ):  # looks are of the primary metric: it is taken for that
            primary = said.primary.model_copy(update={"metric": self.metric})
            rest = tuple(name for name in said.secondary if name != self.metric)
            said = said.model_copy(update={"primary": primary, "secondary": rest})
        try:
            analysis = analyse(part, said)
        except OutcomesUnusable:
            return None
        draw: dict[str, Callable[[], Picture]] = {
            "effects": lambda: forest(analysis, said),
            "effect over units": lambda: sequence(analysis, said),
            "cost": lambda: cost(analysis),
        }
        return draw[self.view]()

    def caution(self) -> str:
        """What to know of what is shown; empty where it is the experiment as it was planned."""
        said = [_EXPLORED] if self.segment != ALL or self.window != (0.0, 1.0) else []
        if self.arm != EVERY_ARM and len(self.experiment.routing.arms) > 2:
            said.append(_UNCORRECTED)
        return " ".join(said)

    def _parts(self) -> Iterator[tuple[str, pd.Series]]:
        for column in SEGMENTS:
            values = self.frame[column].dropna().unique()
            if len(values) > 1:
                for value in sorted(map(str, values)):
                    yield f"{column}: {value}", self.frame[column].astype(str) == value


def explore(runs_dir: Path | None = None) -> Any:
    """Widgets in JupyterLab; under papermill, or without ipywidgets, what they would show at first.

    Raises:
        OutcomesUnusable: There is no experiment among the runs.
    """
    from gateway_lib.settings import settings

    explorer = Explorer(looking.own_first(experiment_runs(runs_dir or settings().runs_dir)))
    return looking.explored(explorer.picture, lambda: panel(explorer))


def panel(explorer: Explorer) -> widgets.VBox:
    """The widgets of an explorer; each change is drawn at once."""
    import ipywidgets as widgets

    menu = looking.menu
    picks: dict[str, Any] = {
        "run": menu("run", list(explorer.folders), explorer.run),
        "view": menu("figure", list(VIEWS), explorer.view),
        "metric": menu("metric", explorer.metrics, explorer.metric),
        "segment": menu("segment", explorer.segments, explorer.segment),
        "arm": menu("arm", explorer.arms, explorer.arm),
        "window": widgets.FloatRangeSlider(
            value=explorer.window, min=0, max=1, step=0.01, description="time", readout_format=".0%",
            continuous_update=False,
        ),
    }  # fmt: skip

    def changed(name: str) -> None:
        if name == "run":  # another run has other metrics, segments and arms
            explorer.metric, explorer.window = explorer.experiment.primary.metric, (0.0, 1.0)
            explorer.segment, explorer.arm = ALL, EVERY_ARM
            looking.refill(picks["metric"], explorer.metrics, explorer.metric)
            looking.refill(picks["segment"], explorer.segments, explorer.segment)
            looking.refill(picks["arm"], explorer.arms, explorer.arm)
            picks["window"].value = explorer.window

    return looking.panel(
        explorer,
        picks,
        changed,
        explorer.picture,
        explorer.caution,
        "nothing to show: no such calls",
    )
