"""Looking around in runs: pick run, figure, model and question, and see.

In JupyterLab these are widgets. Where nobody is there to pick, under papermill, the same code draws what is
picked at first, once, so that the executed notebook has it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gateway_lib import looking
from gateway_lib.benchmark.figures.distribution import TITLES, distribution
from gateway_lib.benchmark.figures.frontier import frontier
from gateway_lib.benchmark.figures.percentiles import percentiles
from gateway_lib.benchmark.figures.timeline import timeline
from gateway_lib.benchmark.figures.waterfall import waterfall
from gateway_lib.benchmark.quality.answers import answers_text, known_of
from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.story import KEY
from gateway_lib.benchmark.results.summary import summarise
from gateway_lib.errors import RecordsUnusable
from gateway_lib.plots import Picture
from gateway_lib.runs.registry import list_runs
from gateway_lib.runs.run import RECORDS

if TYPE_CHECKING:
    import ipywidgets as widgets

EVERY = "all models"
ALL_QUESTIONS = "all questions"
VIEWS: dict[str, Callable[[pd.DataFrame, str], Picture]] = {
    "distribution": lambda frame, time: distribution(frame, time),
    "percentiles": lambda frame, time: percentiles(summarise(frame), time),
    "timeline": lambda frame, time: timeline(frame),
    "overhead": lambda frame, time: waterfall(frame),
    "cost and quality": lambda frame, time: frontier(summarise(frame)),
}


def benchmark_runs(runs_dir: Path) -> dict[str, Path]:
    """Folders of the runs that hold a benchmark, by id, newest first."""
    from pyarrow import parquet

    found = {}
    for entry in list_runs(runs_dir):
        file = entry.folder / RECORDS
        if file.is_file() and KEY.encode() in str(parquet.read_schema(file).metadata).encode():
            found[entry.manifest.id] = entry.folder
    return found


class Explorer:
    """What is picked, and what it shows.

    Attributes:
        run: Id of a run.
        view: One of `VIEWS`.
        time: Which time distribution and percentiles are of.
        model: A model, or all.
        question: A question whose answers are shown, or all, for which none are.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        """Look into runs.

        Raises:
            RecordsUnusable: There are none.
        """
        if not folders:
            raise RecordsUnusable("no benchmark yet: `gateway run 05_benchmark` makes one")
        self._folders = folders
        self._cache: dict[str, pd.DataFrame] = {}
        self.run = next(iter(folders))
        self.view, self.time = "distribution", "total_ms"
        self.model, self.question = EVERY, ALL_QUESTIONS

    @property
    def frame(self) -> pd.DataFrame:
        """Records of the run."""
        if self.run not in self._cache:
            self._cache = {self.run: records.read(self._folders[self.run] / RECORDS)}
        return self._cache[self.run]

    @property
    def models(self) -> list[str]:
        return [EVERY, *sorted(map(str, self.frame["model"].unique()))]

    @property
    def questions(self) -> list[str]:
        return [ALL_QUESTIONS, *sorted(map(str, self.frame["question"].unique()))]

    @property
    def chosen(self) -> pd.DataFrame:
        """Records of what is picked; empty where the model was not asked the question."""
        part = self.frame
        if self.model in self.models[1:]:
            part = part[part["model"] == self.model]
        if self.question in self.questions[1:]:
            part = part[part["question"] == self.question]
        return part

    def picture(self) -> Picture | None:
        """The figure; None where there is nothing to draw."""
        part = self.chosen
        return VIEWS[self.view](part, self.time) if len(part) else None

    def answers(self) -> str:
        """Answers to the question that is picked; empty where all are, or none were kept."""
        if self.question not in self.questions[1:]:
            return ""
        try:
            return answers_text(self.chosen, known_of(self.frame))
        except RecordsUnusable as error:
            return str(error)


def explore(runs_dir: Path | None = None) -> Any:
    """Widgets in JupyterLab; under papermill, or without ipywidgets, what they would show at first.

    Raises:
        RecordsUnusable: There is no benchmark among the runs.
    """
    from gateway_lib.settings import settings

    explorer = Explorer(looking.own_first(benchmark_runs(runs_dir or settings().runs_dir)))
    return looking.explored(explorer.picture, lambda: panel(explorer))


def panel(explorer: Explorer) -> widgets.VBox:
    """The widgets of an explorer; each change is drawn at once."""
    menu = looking.menu
    picks = {
        "run": menu("run", list(explorer._folders), explorer.run),
        "view": menu("figure", list(VIEWS), explorer.view),
        "time": menu("time", [(words, name) for name, words in TITLES.items()], explorer.time),
        "model": menu("model", explorer.models, explorer.model),
        "question": menu("question", explorer.questions, explorer.question),
    }

    def changed(name: str) -> None:
        if name == "run":  # another run has other models and questions
            explorer.model, explorer.question = EVERY, ALL_QUESTIONS
            looking.refill(picks["model"], explorer.models, EVERY)
            looking.refill(picks["question"], explorer.questions, ALL_QUESTIONS)

    nothing = "nothing to show: this model was not asked this question"
    return looking.panel(explorer, picks, changed, explorer.picture, explorer.answers, nothing)
