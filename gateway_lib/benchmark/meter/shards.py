"""Shards: the parts of a run that several processes or machines measured, put together exactly.

A shard's table has the request numbers of the one schedule, moments from the one origin, and a health
of its own. Put together they are the table that one process would have written: no figure is averaged
over shards, percentiles are those of all requests. Clocks of several machines have to agree (NTP does,
within milliseconds), for moments; durations do not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.story import About, Stage, Warmup, about, attrs
from gateway_lib.errors import RecordsUnusable


def merge(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The table of a run from those of all its shards, in any order.

    Raises:
        RecordsUnusable: They are not all the shards of one run.
    """
    stories = [about(frame) for frame in frames]
    _refuse_strangers(stories)
    return records.joined(frames, attrs(_together(stories)))


def merge_files(paths: Sequence[Path]) -> pd.DataFrame:
    """`merge` of files.

    Raises:
        RecordsUnusable: A file cannot be read, or they are not all the shards of one run.
    """
    return merge([records.read(path) for path in paths])


def _refuse_strangers(stories: Sequence[About]) -> None:
    if not stories:
        raise RecordsUnusable("no shard to put together")
    first = stories[0]
    for name in ("spec", "seed", "target", "origin", "shards", "meter"):
        if any(getattr(story, name) != getattr(first, name) for story in stories):
            raise RecordsUnusable(f"not shards of one run: their {name} differs")
    have = sorted(part for story in stories for part in story.parts)
    if have != list(range(first.shards)):
        raise RecordsUnusable(f"shards {have} of {first.shards}: each is needed once")


def _together(stories: Sequence[About]) -> About:
    stages = [
        Stage(
            number=parts[0].number,
            rate_rps=parts[0].rate_rps,
            users=parts[0].users,
            requested=sum(part.requested for part in parts),
            achieved=sum(part.achieved for part in parts),
            seconds=max(part.seconds for part in parts),
        )
        for parts in zip(*(story.stages for story in stories), strict=True)
    ]
    every = [story.warmup for story in stories]
    warmup = Warmup(
        requests=sum(part.requests for part in every),
        errors=sum(part.errors for part in every),
        cost_usd=sum(part.cost_usd for part in every),
    )
    health = sorted(
        (part for story in stories for part in story.health), key=lambda h: (h.stage, h.shard)
    )
    return stories[0].model_copy(
        update={
            "parts": tuple(range(stories[0].shards)),
            "stages": tuple(stages),
            "health": tuple(health),
            "warmup": warmup,
            "interrupted": any(story.interrupted for story in stories),
        }
    )
