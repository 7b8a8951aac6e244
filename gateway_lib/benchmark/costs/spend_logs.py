"""What LiteLLM booked, call by call: the rows of its spend logs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from gateway_lib.clients import GatewayClient

COLUMNS = {
    "call_id": "str",
    "log_cost_usd": "float64",
    "log_cache_hit": "boolean",
    "log_tokens_in": "Int64",
    "log_tokens_out": "Int64",
    "log_tokens_cached": "Int64",
    "log_model": "str",
    "log_status": "str",
}
_PAGE = 1000
_FORMAT = "%Y-%m-%d %H:%M:%S"
_MARGIN = timedelta(minutes=2)
"""Clocks of client and gateway differ, and LiteLLM takes whole seconds."""


def spend_logs(client: GatewayClient, start: datetime, end: datetime) -> pd.DataFrame:
    """Rows of the spend logs of a time, one for each call id.

    Args:
        client: The administrator's, who sees all rows; a user's own key sees its own.
        start: First moment.
        end: Last moment.

    Returns:
        `call_id`; `log_cost_usd`, summed where a call left several rows; `log_cache_hit`;
        `log_tokens_in`, `log_tokens_out`, `log_tokens_cached`; `log_model`; `log_status`.

    Raises:
        GatewayUnreachable: The gateway does not answer, or refuses to show them.
    """
    rows = [_row(row) for row in _pages(client, start, end) if row.get("litellm_call_id")]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    if frame["call_id"].is_unique:
        return frame
    how = {name: "sum" if name == "log_cost_usd" else "last" for name in COLUMNS}
    del how["call_id"]
    return frame.groupby("call_id", as_index=False).agg(how)


def wait_for_logs(
    client: GatewayClient,
    call_ids: set[str],
    start: datetime,
    end: datetime,
    *,
    timeout_s: float = 60.0,
) -> tuple[pd.DataFrame, float]:
    """The same once every call of a run is there, or the time is up: LiteLLM writes in batches.

    Args:
        client: As for `spend_logs`.
        call_ids: Values of `x-litellm-call-id` to wait for.
        start: First moment.
        end: Last moment.
        timeout_s: Seconds to wait at most; a call is in the log within half a minute or so.

    Returns:
        The rows, of the run's calls and of others, and how many seconds it took.
    """
    began = time.monotonic()
    while True:
        found = spend_logs(client, start, end)
        waited = time.monotonic() - began
        if call_ids <= set(found["call_id"]) or waited >= timeout_s:
            return found, waited
        time.sleep(min(1.0, timeout_s))


def _pages(client: GatewayClient, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    window = {
        "start_date": (start - _MARGIN).astimezone(UTC).strftime(_FORMAT),
        "end_date": (end + _MARGIN).astimezone(UTC).strftime(_FORMAT),
    }
    page, pages = 1, 1
    while page <= pages:
        answer = client.get(
            "/spend/logs/v2",
            **window,
            page=page,
            page_size=_PAGE,
            sort_by="startTime",
            sort_order="asc",
        )
        yield from answer["data"]
        page, pages = page + 1, int(answer["total_pages"])


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    told = row.get("metadata") or {}
    usage = told.get("usage_object") or {} if isinstance(told, Mapping) else {}
    details = usage.get("prompt_tokens_details") or {}
    return {
        "call_id": row["litellm_call_id"],
        "log_cost_usd": row.get("spend") or 0.0,
        "log_cache_hit": str(row.get("cache_hit")).lower() == "true",
        "log_tokens_in": row.get("prompt_tokens"),
        "log_tokens_out": row.get("completion_tokens"),
        "log_tokens_cached": details.get("cached_tokens"),
        "log_model": row.get("model"),
        "log_status": row.get("status"),
    }
