"""Runs one after the other, as one table: what a sweep or a search tried, whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.columns import COLUMNS
from gateway_lib.benchmark.records.story import About, Health, Stage, Warmup, about, attrs
from gateway_lib.errors import RecordsUnusable

_MOMENTS = [column.name for column in COLUMNS if column.name.endswith("_s")]


def in_series(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The table of several runs of one spec under different loads.

    Requests and stages are numbered on, and moments count from the first run's origin.

    Raises:
        RecordsUnusable: There is none, or they differ in more than their loads and seeds.
    """
    stories = [about(frame) for frame in frames]
    if not stories:
        raise RecordsUnusable("no run to put together")
    first = stories[0]
    bare = [{**story.spec, "load": None, "seed": None} for story in stories]
    if any(spec != bare[0] for spec in bare):
        raise RecordsUnusable("the runs differ in more than their loads and seeds")
    moved = []
    requests = stages = 0
    for frame, story in zip(frames, stories, strict=True):
        shift = (story.origin - first.origin).total_seconds()
        part = frame.copy()
        part["request"] += requests
        part["stage"] += stages
        part[_MOMENTS] += shift
        moved.append(part)
        requests += int(frame["request"].max()) + 1 if len(frame) else 0
        stages += len(story.stages)
    return records.joined(moved, attrs(_together(stories)))


def _together(stories: Sequence[About]) -> About:
    stages: list[Stage] = []
    health: list[Health] = []
    loads: list[Any] = []
    for story in stories:
        first = len(stages)
        stages += [s.model_copy(update={"number": s.number + first}) for s in story.stages]
        health += [h.model_copy(update={"stage": h.stage + first}) for h in story.health]
        loads += story.spec["load"]
    every = [story.warmup for story in stories]
    return stories[0].model_copy(
        update={
            "spec": {**stories[0].spec, "load": loads},
            "stages": tuple(stages),
            "health": tuple(health),
            "warmup": Warmup(
                requests=sum(part.requests for part in every),
                errors=sum(part.errors for part in every),
                cost_usd=sum(part.cost_usd for part in every),
            ),
            "interrupted": any(story.interrupted for story in stories),
        }
    )
