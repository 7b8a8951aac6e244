"""The widgets, operated as a person would."""

import pytest

from gateway_lib.benchmark.explorer import (
    ALL_QUESTIONS,
    EVERY,
    VIEWS,
    Explorer,
    benchmark_runs,
    panel,
)
from gateway_lib.errors import RecordsUnusable
from tests.lib.benchmark.runs import run_folder
from tests.lib.benchmark.tables import table


@pytest.fixture
def folders(tmp_path):
    run_folder(tmp_path, table(300, seed=1), 1)
    run_folder(tmp_path, table(300, seed=2, models=("medium", "small")), 2)
    run_folder(tmp_path, None, 3)
    return benchmark_runs(tmp_path)


def test_runs_that_hold_a_benchmark_newest_first(folders, tmp_path):
    assert [name[-6:] for name in folders] == ["000002", "000001"]
    with pytest.raises(RecordsUnusable, match="gateway run 05_benchmark"):
        Explorer({})


def test_every_pick_shows_something_else(folders):
    explorer = Explorer(folders)
    assert explorer.models == [EVERY, "medium", "small"]
    shown = set()
    for view in VIEWS:
        explorer.view = view
        shown.add(explorer.picture().name)
    assert len(shown) == len(VIEWS)
    assert explorer.answers() == ""
    explorer.model, explorer.question = "small", "q03"
    assert set(explorer.chosen["model"]) == {"small"}
    assert set(explorer.chosen["question"]) == {"q03"}
    assert "q03" in explorer.answers() and "small: " in explorer.answers()
    assert "medium: " not in explorer.answers()


def test_the_widgets_follow_each_other(folders, capsys):
    explorer = Explorer(folders)
    box = panel(explorer)
    run, view, time, model, question = (w for row in box.children[:2] for w in row.children)
    assert run.options == tuple(folders) and view.options == tuple(VIEWS)
    assert dict(time.options)["Time to first token"] == "ttft_ms"
    model.value = "medium"
    question.value = "q01"
    assert (explorer.model, explorer.question) == ("medium", "q01")
    view.value = "timeline"
    assert explorer.view == "timeline"
    run.value = list(folders)[1]
    assert explorer.run == list(folders)[1]
    assert model.options == (EVERY, "large", "medium", "small")
    assert (model.value, explorer.model) == (EVERY, EVERY), (
        "another run is looked at from the start"
    )
    assert (question.value, explorer.question) == (ALL_QUESTIONS, ALL_QUESTIONS)
    time.value = "itl_ms"
    assert explorer.time == "itl_ms"
