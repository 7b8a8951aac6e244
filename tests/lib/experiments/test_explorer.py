"""The widgets, operated as a person would."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt

from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments.explorer import (
    ALL,
    EVERY_ARM,
    VIEWS,
    Explorer,
    experiment_runs,
    panel,
)

from .kept import run_folder, told


@pytest.fixture
def folders(tmp_path):
    run_folder(tmp_path, told(200, seed=1)[0], 1)
    run_folder(tmp_path, told(250, seed=2)[0], 2)
    yield experiment_runs(tmp_path)
    plt.close("all")


def test_runs_that_hold_an_experiment_newest_first(folders):
    assert [name[-6:] for name in folders] == ["000002", "000001"]
    with pytest.raises(OutcomesUnusable, match="gateway run 03_ab_experiment"):
        Explorer({})


def test_every_pick_shows_something_else(folders):
    explorer = Explorer(folders)
    assert explorer.metric == "cost" and explorer.arms == [EVERY_ARM, "candidate"]
    assert explorer.segments[0] == ALL and "interface: bedrock" in explorer.segments
    names = set()
    for view in VIEWS:
        explorer.view = view
        names.add(explorer.picture().name)
    assert len(names) == len(VIEWS)
    explorer.view, explorer.metric = "effect over units", "latency"
    assert explorer.picture().name == "sequence-latency"
    assert explorer.caution() == ""
    explorer.segment, explorer.window = "interface: openai", (0.0, 0.5)
    part = explorer.chosen
    assert set(part["interface"]) == {"openai"} and 80 < len(part) < 170
    assert "not for verdicts" in explorer.caution()
    explorer.window = (1.0, 1.0)
    explorer.view = "distribution"
    assert explorer.picture() is None or len(explorer.chosen) <= 1


def test_one_arm_of_several_is_shown_with_a_word_on_the_correction(tmp_path):
    arms = [{"name": name, "model": name} for name in ("control", "b", "c")]
    frame, _ = told(200, routing={"name": "three", "unit": "request", "arms": arms})
    run_folder(tmp_path, frame)
    several = Explorer(experiment_runs(tmp_path))
    assert several.caution() == ""
    several.arm = "b"
    assert "no longer corrected" in several.caution()
    several.window = (0.0, 0.5)
    assert "no longer corrected" in several.caution() and "not for verdicts" in several.caution()


def test_the_only_treatment_has_no_correction_to_lose(folders):
    explorer = Explorer(folders)
    explorer.arm = "candidate"
    assert explorer.caution() == ""


def test_the_widgets_follow_each_other(folders):
    explorer = Explorer(folders)
    box = panel(explorer)
    run, view, metric, segment, arm, window = (w for row in box.children[:2] for w in row.children)
    assert run.options == tuple(folders) and view.options == VIEWS
    metric.value = "latency"
    segment.value = "streamed: True"
    arm.value = "candidate"
    window.value = (0.1, 0.9)
    view.value = "distribution"
    picked = (explorer.metric, explorer.segment, explorer.arm, explorer.view)
    assert picked == ("latency", "streamed: True", "candidate", "distribution")
    assert explorer.window == (0.1, 0.9)
    run.value = list(folders)[1]
    assert (metric.value, segment.value, arm.value) == ("cost", ALL, EVERY_ARM)
    assert window.value == (0.0, 1.0) and explorer.segment == ALL
