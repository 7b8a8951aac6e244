"""The table of a measurement: built from records, written as Parquet, read back.

A table carries its story in `frame.attrs["benchmark"]` (see `gateway_lib.benchmark.records.story`), which
pandas and this module both keep in the Parquet file. Columns are those of
`gateway_lib.benchmark.records.columns`; what is found out later (scores) may be added behind them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from gateway_lib.benchmark.records.columns import COLUMNS, NAMES, SCHEMA, Column
from gateway_lib.errors import RecordsUnusable

_ATTRS = b"PANDAS_ATTRS"
_ROW_GROUP = 128 * 1024
_NULLABLE: dict[pa.DataType, Any] = {
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


@dataclass(slots=True, kw_only=True)
class Record:
    """One request as the engine fills it in; the durations of the table follow from its moments."""

    request: int
    shard: int = 0
    stage: int = 0
    rate_rps: float | None = None
    users: int | None = None
    model: str
    interface: str
    streamed: bool
    history: bool = False
    question: str
    category: str | None = None
    turn: int | None = None
    repeat: int = 0
    scheduled_s: float
    sent_s: float
    first_byte_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None
    done_s: float = 0.0
    itl_p50_ms: float | None = None
    itl_max_ms: float | None = None
    chunks: int = 0
    ok: bool = False
    status: int | None = None
    error_kind: str | None = None
    error: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_source: str | None = None
    cost_usd: float | None = None
    cost_source: str | None = None
    retries: int | None = None
    fallbacks: int | None = None
    cache_hit: bool | None = None
    model_served: str | None = None
    deployment: str | None = None
    middleware_ms: float | None = None
    upstream_ms: float | None = None
    litellm_ms: float | None = None
    provider_ms: float | None = None
    request_id: str | None = None
    call_id: str | None = None
    session_id: str | None = None
    answer_hash: str | None = None
    answer: str | None = None
    correct: bool | None = None


def frame_of(records: Iterable[Record], attrs: dict[str, Any] | None = None) -> pd.DataFrame:
    """The table of some records, in the order of their numbers.

    Returns:
        One row per record with the columns of `COLUMNS`.
    """
    ordered = sorted(records, key=attrgetter("request"))
    columns = {f.name: [getattr(record, f.name) for record in ordered] for f in fields(Record)}
    columns |= _durations(columns)
    arrays = [pa.array(columns[column.name], type=column.type) for column in COLUMNS]
    return _to_pandas(pa.Table.from_arrays(arrays, schema=SCHEMA), attrs or {})


def _durations(columns: dict[str, list[Any]]) -> dict[str, Any]:
    moment = {name: np.array(columns[name], dtype=float) for name in columns if name.endswith("_s")}
    due, sent = moment["scheduled_s"], moment["sent_s"]
    first, done = moment["first_token_s"], moment["done_s"]
    flow = (moment["last_token_s"] - first) * 1000
    chunks = np.array(columns["chunks"], dtype=float)
    tokens = np.array(columns["tokens_out"], dtype=float)
    spread = chunks > 1
    durations = {
        "lag_ms": (sent - due) * 1000,
        "ttft_ms": (first - due) * 1000,
        "total_ms": (done - due) * 1000,
        "ttft_sent_ms": (first - sent) * 1000,
        "total_sent_ms": (done - sent) * 1000,
        "itl_ms": _ratio(flow, chunks - 1, spread),
        "tpot_ms": _ratio(flow, tokens - 1, spread & (tokens > 1)),
    }
    return {name: pa.array(values, from_pandas=True) for name, values in durations.items()}


def _ratio(above: np.ndarray, below: np.ndarray, where: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.full(len(above), np.nan)
    np.divide(above, below, out=out, where=where)
    return out


def joined(frames: Sequence[pd.DataFrame], attrs: dict[str, Any]) -> pd.DataFrame:
    """Tables of disjoint requests as one, as if their records had made one table.

    Raises:
        RecordsUnusable: A request is in two of them, or their columns differ.
    """
    parts = [_to_arrow(frame) for frame in frames]
    if len({tuple(part.column_names) for part in parts}) > 1:
        raise RecordsUnusable("the tables have different columns")
    table = pa.concat_tables(parts).unify_dictionaries().sort_by("request")
    numbers = table.column("request").to_numpy()
    if len(np.unique(numbers)) != len(numbers):
        raise RecordsUnusable("a request is in two of the tables: they are not shards of one run")
    for column in COLUMNS:
        if pa.types.is_dictionary(column.type):
            place = table.column_names.index(column.name)
            anew = table.column(column.name).cast(pa.string()).combine_chunks().dictionary_encode()
            table = table.set_column(place, column.name, anew)
    return _to_pandas(table, attrs)


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, with its story; columns that are not of the schema stay behind it.

    Raises:
        RecordsUnusable: Columns of the schema are missing, or hold something else.
    """
    known = _to_arrow(frame)
    told = {_ATTRS: json.dumps(frame.attrs).encode()}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(
        known.replace_schema_metadata(told), path, compression="zstd", row_group_size=_ROW_GROUP
    )


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    missing = [name for name in NAMES if name not in frame.columns]
    if missing:
        raise RecordsUnusable(f"columns are missing: {', '.join(missing)}")
    known = pa.Table.from_pandas(frame[list(NAMES)], schema=SCHEMA, preserve_index=False)
    more = [name for name in frame.columns if name not in NAMES]
    for name in more:
        known = known.append_column(name, pa.Array.from_pandas(frame[name]))
    return known


def read(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table with its story.

    Args:
        path: A Parquet file that this module or pandas wrote.
        columns: Which columns; all when not given. A million answers take seconds: leave them out
            where only figures are wanted (`[n for n in columns.NAMES if n != "answer"]`).

    Raises:
        RecordsUnusable: There is no such file, or it holds no records.
    """
    try:
        wanted = None if columns is None else list(columns)
        found = parquet.read_table(path, columns=wanted, read_dictionary=_words(wanted))
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordsUnusable(f"{path}: not a table of records: {error}") from None
    metadata = found.schema.metadata or {}
    for column in COLUMNS:
        if column.name in found.column_names:
            found = _as_declared(found, column)
    return _to_pandas(found, json.loads(metadata.get(_ATTRS, b"{}")))


def _words(wanted: list[str] | None) -> list[str]:
    words = [column.name for column in COLUMNS if pa.types.is_dictionary(column.type)]
    return [name for name in words if wanted is None or name in wanted]


def _as_declared(found: pa.Table, column: Column) -> pa.Table:
    """The table with a column in its type: pandas writes one without any value as of no type."""
    place, values = found.column_names.index(column.name), found.column(column.name)
    if values.type == column.type:
        return found
    if pa.types.is_dictionary(column.type):
        return found.set_column(place, column.name, values.cast(pa.string()).dictionary_encode())
    return found.set_column(place, column.name, values.cast(column.type))


def _to_pandas(table: pa.Table, attrs: dict[str, Any]) -> pd.DataFrame:
    nullable = {c.name: _NULLABLE[c.type] for c in COLUMNS if c.null and c.type in _NULLABLE}
    plain = [name for name in table.column_names if name not in nullable]
    frame: pd.DataFrame = table.select(plain).to_pandas(ignore_metadata=True)
    for name in set(table.column_names) - set(plain):
        column = table.column(name).combine_chunks()
        frame[name] = pd.Series(nullable[name].__from_arrow__(column), index=frame.index)
    ordered: pd.DataFrame = frame[table.column_names].copy()
    ordered.attrs.update(attrs)
    return ordered
