from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gateway_lib.benchmark.records.columns import COLUMNS, NAMES
from gateway_lib.benchmark.records.story import About, Stage, about, attrs
from gateway_lib.benchmark.records.table import Record, frame_of, read, write
from gateway_lib.errors import RecordsUnusable


def record(number=0, **changes):
    given = {
        "request": number,
        "model": "m",
        "interface": "openai",
        "streamed": True,
        "question": f"q{number}",
        "scheduled_s": 1.0,
        "sent_s": 1.25,
        "first_byte_s": 1.5,
        "first_token_s": 2.0,
        "last_token_s": 3.0,
        "done_s": 3.5,
        "chunks": 5,
        "tokens_out": 11,
        "ok": True,
        "status": 200,
    }
    return Record(**{**given, **changes})


FAILED = record(
    1,
    first_byte_s=None,
    first_token_s=None,
    last_token_s=None,
    chunks=0,
    tokens_out=None,
    ok=False,
    status=None,
    error_kind="timeout",
    error="no answer within 60 s",
)
STORY = About(
    spec={"models": ["m"]},
    seed=1,
    target="http://localhost",
    origin=datetime(2026, 1, 1, tzinfo=UTC),
    stages=(Stage(number=0, rate_rps=2, users=None, requested=3, achieved=2, seconds=1),),
)


def test_a_record_and_the_schema_name_the_same_things():
    durations = {"lag_ms", "ttft_ms", "total_ms", "ttft_sent_ms", "total_sent_ms"}
    durations |= {"itl_ms", "tpot_ms"}
    assert {field.name for field in fields(Record)} == set(NAMES) - durations
    assert all(column.meaning for column in COLUMNS)


def test_durations_follow_from_moments():
    row = frame_of([record()]).iloc[0]
    assert (row["lag_ms"], row["ttft_ms"], row["total_ms"]) == (250, 1000, 2500)
    assert (row["ttft_sent_ms"], row["total_sent_ms"]) == (750, 2250)
    assert (row["itl_ms"], row["tpot_ms"]) == (250, 100)


def test_what_did_not_happen_is_null_and_the_row_stays():
    frame = frame_of([FAILED, record()])
    assert list(frame["request"]) == [0, 1]
    failed = frame.iloc[1]
    assert failed["total_ms"] == 2500
    assert failed[["ttft_ms", "itl_ms", "tpot_ms", "status", "tokens_out"]].isna().all()
    one = frame_of([record(chunks=1, tokens_out=1)]).iloc[0]
    assert one[["itl_ms", "tpot_ms"]].isna().all()


@pytest.mark.parametrize("by", ["us", "pandas"])
def test_a_table_comes_back_as_it_was(tmp_path, by):
    frame = frame_of([record(answer="ä", cost_usd=0.1, cache_hit=False), FAILED], attrs(STORY))
    frame["score_judge"] = [0.5, np.nan]
    path = tmp_path / "deep" / "records.parquet"
    if by == "us":
        write(frame, path)
    else:
        path.parent.mkdir()
        frame.to_parquet(path, index=False)
    again = read(path)
    pd.testing.assert_frame_equal(again, frame)
    assert about(again) == STORY
    assert about(pd.read_parquet(path)) == STORY
    assert (STORY.requested, STORY.achieved, STORY.valid) == (3, 2, True)
    some = read(path, ["status", "model", "ok"])
    assert list(some.columns) == ["status", "model", "ok"]
    assert some["status"].dtype == "Int16"


def test_what_is_no_table_of_records_is_refused(tmp_path):
    with pytest.raises(RecordsUnusable, match="not a table"):
        read(tmp_path / "nothing.parquet")
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(RecordsUnusable, match="not a table"):
        read(tmp_path / "text.parquet")
    with pytest.raises(RecordsUnusable, match="not the records"):
        about(pd.DataFrame())
    with pytest.raises(RecordsUnusable, match="columns are missing: request"):
        write(frame_of([record()]).drop(columns="request"), tmp_path / "x.parquet")
