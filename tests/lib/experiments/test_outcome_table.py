"""Outcomes from the gateway's lines to a table, into a file, and back."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments import outcomes
from gateway_lib.experiments.columns import COLUMNS

from .kept import told
from .outcomes import experiment

FULL = {
    "request_id": "r2", "version": 1, "unit": "05d8c19a74856e91", "arm": "control", "role": "answer",
    "pair": None, "assigned_at": "2026-11-30T08:02:45.466517+00:00", "interface": "openai",
    "streamed": False, "team": None, "ended": True, "status": 200, "failed": False, "latency_ms": 1343.5,
    "ttft_ms": None, "input_tokens": 28, "output_tokens": 54, "output_ktokens": 0.054,
    "cost_usd": 0.000596, "served_model": "a", "fell_back": False, "feedback.correct": 1.0,
}  # fmt: skip
OPEN = {
    **dict.fromkeys(FULL), "request_id": "r1", "version": 1, "unit": "0" * 16, "arm": "candidate",
    "role": "answer", "assigned_at": "2026-11-30T08:02:44+00:00", "interface": "bedrock",
    "streamed": True, "ended": False,
}  # fmt: skip


def lines(*rows: dict[str, object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_pages_become_one_table_in_the_order_of_assignment():
    late = {
        **FULL,
        "request_id": "r3",
        "assigned_at": "2026-11-30T09:00:00+00:00",
        "feedback.thumb": 0,
    }
    del OPEN["feedback.correct"]
    frame = outcomes.frame_of([lines(FULL, late), b"", lines(OPEN)])
    assert list(frame["request_id"]) == ["r1", "r2", "r3"]
    names = [column.name for column in COLUMNS]
    assert list(frame.columns) == [*names, "feedback.correct", "feedback.thumb"]
    assert frame["assigned_at"].dt.tz is not None
    assert frame["assigned_at"].iloc[1] == pd.Timestamp(FULL["assigned_at"])
    first = frame.iloc[0]
    assert not first["ended"] and pd.isna(first["status"]) and pd.isna(first["failed"])
    assert pd.isna(first["feedback.correct"]) and frame["feedback.thumb"].iloc[2] == 0.0
    assert frame["failed"].iloc[1] is not None and not frame["failed"].iloc[1]


def test_no_call_yet_is_an_empty_table():
    frame = outcomes.frame_of([b""])
    assert len(frame) == 0 and list(frame.columns) == [column.name for column in COLUMNS]


def test_a_line_that_is_no_outcome_is_told():
    with pytest.raises(OutcomesUnusable, match="no outcomes"):
        outcomes.frame_of([b'{"status": "high"}\n'])


def test_a_file_says_what_it_is_of(tmp_path):
    frame, said = told(50)
    frame.to_parquet(tmp_path / "records.parquet")
    for place in (tmp_path, tmp_path / "records.parquet"):
        read = outcomes.load_outcomes(place)
        assert outcomes.about(read) == (said, 1)
        assert outcomes.about(read)[0].digest == said.digest
        assert len(read) == 100 and read["cost_usd"].sum() == frame["cost_usd"].sum()


def test_what_is_no_table_of_outcomes_is_told(tmp_path):
    with pytest.raises(OutcomesUnusable, match="not a table"):
        outcomes.load_outcomes(tmp_path / "no.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(OutcomesUnusable, match="columns are missing: request_id"):
        outcomes.load_outcomes(tmp_path / "other.parquet")
    with pytest.raises(OutcomesUnusable, match="does not say"):
        outcomes.about(pd.DataFrame())


def test_the_experiment_of_a_table_is_the_frozen_one():
    frame, _ = told(10)
    other = experiment(hypothesis="Another one.")
    assert outcomes.about(outcomes.of(frame, other, 4)) == (other, 4)
