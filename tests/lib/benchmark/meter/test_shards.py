from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gateway_lib.benchmark.meter.series import in_series
from gateway_lib.benchmark.meter.shards import merge, merge_files
from gateway_lib.benchmark.records import table as records
from gateway_lib.benchmark.records.story import About, Stage, Warmup, about, attrs
from gateway_lib.errors import RecordsUnusable
from tests.lib.benchmark.records.test_records import record
from tests.lib.benchmark.tables import health

SHARDS = 3


def story(parts=(0,), n=10, **changes):
    stage = Stage(number=0, rate_rps=2, users=None, requested=n, achieved=n, seconds=1 + parts[0])
    given = {
        "spec": {"models": ["m"], "load": [{"rate_rps": 2}], "seed": 1},
        "seed": 1,
        "target": "http://localhost",
        "origin": datetime(2026, 1, 1, tzinfo=UTC),
        "shards": SHARDS,
        "parts": parts,
        "stages": (stage,),
        "health": tuple(health(part) for part in parts),
        "warmup": Warmup(requests=1, cost_usd=0.5),
    }
    return About(**{**given, **changes})


def drawn(n=200):
    """Records with every kind of value and of null, in a random order of words."""
    random = np.random.default_rng(5)
    made = []
    for number in range(n):
        lost = random.random() < 0.2
        made.append(
            record(
                number,
                shard=number % SHARDS,
                model=str(random.choice(["z", "a", "m"])),
                category=None if random.random() < 0.3 else str(random.choice(["x", "b"])),
                scheduled_s=float(random.random()),
                first_token_s=None if lost else 2.5,
                ok=not lost,
                status=None if lost else 200,
                error="lost" if lost else None,
                tokens_cached=None if lost else int(random.integers(9)),
                cost_usd=None if lost else float(random.random()),
                cache_hit=None if lost else bool(random.integers(2)),
                answer=None if lost else f"answer {number}",
            )
        )
    return made


def shards(made, tmp_path=None):
    tables = []
    for part in range(SHARDS):
        own = [row for row in made if row.shard == part]
        tables.append(records.frame_of(own, attrs(story((part,), len(own)))))
    return tables


def test_shards_put_together_are_the_table_of_one_process(tmp_path):
    made = drawn()
    parts = shards(made)
    paths = [tmp_path / f"{number}.parquet" for number in range(SHARDS)]
    for part, path in zip(parts, paths, strict=True):
        records.write(part, path)
    whole = records.frame_of(made)
    for merged in (merge(parts[::-1]), merge_files(paths)):
        pd.testing.assert_frame_equal(merged, whole, check_exact=True)
        told = about(merged)
        assert (told.requested, told.parts, told.shards) == (200, (0, 1, 2), 3)
        assert told.stages[0].seconds == 3
        assert told.warmup == Warmup(requests=3, cost_usd=1.5)
        assert [part.shard for part in told.health] == [0, 1, 2]
    records.write(merged, tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(records.read(tmp_path / "whole.parquet"), whole)


def test_one_overloaded_shard_makes_the_run_invalid():
    parts = shards(drawn(30))
    bad = story((1,), health=(health(1, valid=False),))
    parts[1].attrs = attrs(bad)
    told = about(merge(parts))
    assert not told.valid and told.invalid == ("stage 0, shard 1: send lag p99 of 900 ms",)


def test_what_are_not_the_shards_of_one_run_is_refused():
    one, two, three = shards(drawn(30))
    for given, told in (
        ([], "no shard"),
        ([one, two], r"shards \[0, 1\] of 3"),
        ([one, two, two], r"shards \[0, 1, 1\]"),
    ):
        with pytest.raises(RecordsUnusable, match=told):
            merge(given)
    three.attrs = attrs(story((2,), seed=2))
    with pytest.raises(RecordsUnusable, match="their seed differs"):
        merge([one, two, three])
    three.attrs = attrs(story((2,)))
    three["request"] = one["request"].to_numpy()[: len(three)]
    with pytest.raises(RecordsUnusable, match="in two of the tables"):
        merge([one, two, three])


def test_runs_in_series_are_numbered_on_and_share_a_clock():
    first = records.frame_of([record(0), record(1)], attrs(story(n=2)))
    later = story(n=1, origin=datetime(2026, 1, 1, 0, 1, tzinfo=UTC))
    second = records.frame_of([record(0, scheduled_s=2.0, sent_s=2.0)], attrs(later))
    both = in_series([first, second])
    assert list(both["request"]) == [0, 1, 2] and list(both["stage"]) == [0, 0, 1]
    assert list(both["scheduled_s"]) == [1.0, 1.0, 62.0]
    assert list(both["ttft_ms"]) == [1000.0, 1000.0, 0.0]
    told = about(both)
    assert [stage.number for stage in told.stages] == [0, 1]
    assert [part.stage for part in told.health] == [0, 1]
    assert len(told.spec["load"]) == 2
    second.attrs = attrs(story(spec={"models": ["other"], "load": [], "seed": 1}))
    with pytest.raises(RecordsUnusable, match="differ in more"):
        in_series([first, second])
