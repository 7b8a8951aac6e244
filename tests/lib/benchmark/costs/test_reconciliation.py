import pandas as pd
import pytest

from gateway_lib.benchmark.costs.reconciliation import reconcile
from gateway_lib.benchmark.costs.spend_logs import COLUMNS, spend_logs
from tests.lib.benchmark.tables import table


def logs_of(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "call_id": frame["call_id"],
            "log_cost_usd": frame["cost_usd"],
            "log_cache_hit": False,
            "log_tokens_in": 20,
            "log_tokens_out": frame["tokens_out"].astype(int),
            "log_tokens_cached": 0,
            "log_model": frame["model"].astype(str),
            "log_status": "success",
        }
    ).astype(COLUMNS)


def test_what_was_booked_decides():
    frame = table(60)
    logs = logs_of(frame)
    logs.loc[0, "log_cost_usd"] += 3e-6
    logs.loc[1, "log_cost_usd"] += 0.5e-6
    logs.loc[2, ["log_cost_usd", "log_cache_hit"]] = [0.0, True]
    logs = pd.concat([logs.drop(index=3), logs.tail(1).assign(call_id="another's")])
    found = reconcile(frame, logs)
    assert list(found.differing.index) == [0]
    assert list(found.missing.index) == [3]
    assert list(found.records.index[found.cache_hits]) == [2]
    records = found.records
    assert records["cost_usd"][2] == 0 and records["cost_told_usd"][2] == frame["cost_usd"][2]
    assert records["cache_hit"][2] and not records["cache_hit"][0] and len(records) == 60
    assert records["cost_source"][0] == "spend log" and records["cost_source"][3] == "stream usage"
    assert records["cost_usd"][3] == frame["cost_usd"][3], "what was not booked keeps what was told"
    assert records.attrs == frame.attrs
    told = found.headline()
    assert told["not_booked"] == 1
    assert told["cost_difference_max_usd"] == pytest.approx(3e-6)
    shown = found.table()
    assert shown["requests"].sum() == 60 and shown["cache hits"].sum() == 1


def test_done_twice_changes_nothing():
    frame = table(30)
    once = reconcile(frame, logs_of(frame))
    twice = reconcile(once.records, logs_of(frame))
    pd.testing.assert_frame_equal(once.records, twice.records[once.records.columns])
    assert set(twice.records["cost_told_source"]) == {"stream usage"}


def test_an_answer_without_a_price_gets_the_booked_one():
    frame = table(30)
    logs = logs_of(frame)
    frame["cost_usd"] = float("nan")
    frame["cost_source"] = pd.Categorical([None] * 30)
    found = reconcile(frame, logs)
    assert found.records["cost_usd"].notna().all()
    assert not len(found.differing)
    assert found.headline()["cost_difference_max_usd"] is None
    assert set(found.table()["price from"]) == {"not told"}


class Pages:
    """The admin API's spend logs, in pages."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []

    def get(self, path, **query):
        self.asked.append((path, query))
        size, page = 2, query["page"]
        pages = -(-len(self.rows) // size)
        return {"data": self.rows[(page - 1) * size : page * size], "total_pages": pages}


def test_every_page_is_read_and_the_attempts_of_a_call_add_up():
    from datetime import UTC, datetime

    rows = [
        {"litellm_call_id": "a", "spend": 0.1, "cache_hit": "False", "status": "failure"},
        {"litellm_call_id": None, "spend": 9.0},
        {
            "litellm_call_id": "a",
            "spend": 0.2,
            "cache_hit": "True",
            "prompt_tokens": 7,
            "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 5}}},
        },
        {"litellm_call_id": "b", "spend": None, "metadata": {"usage_object": None}},
    ]
    pages = Pages(rows)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    found = spend_logs(pages, moment, moment).set_index("call_id")
    assert [query["page"] for _, query in pages.asked] == [1, 2]
    assert pages.asked[0][1]["start_date"] == "2026-03-01 11:58:00"
    assert found.loc["a", "log_cost_usd"] == pytest.approx(0.3)
    assert found.loc["a", "log_cache_hit"] and found.loc["a", "log_tokens_cached"] == 5
    assert found.loc["b", "log_cost_usd"] == 0 and not found.loc["b", "log_cache_hit"]
