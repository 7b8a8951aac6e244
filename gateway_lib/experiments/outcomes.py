"""The table of an experiment's outcomes: built from the gateway's lines, kept as Parquet, read back.

What an outcome is: `gateway_lib.experiments.columns`. The table says in `frame.attrs["experiment"]` which
experiment and which version it is of, so that a file can be analysed without a gateway.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import json as ndjson
from pyarrow import parquet

from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments.columns import COLUMNS
from gateway_lib.experiments.file import Experiment, parse
from gateway_lib.runs.run import RECORDS

KEY = "experiment"
FEEDBACK = "feedback."
_ATTRS = b"PANDAS_ATTRS"
_NULLABLE: dict[pa.DataType, Any] = {
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def frame_of(pages: Iterable[bytes]) -> pd.DataFrame:
    """The table of pages of JSON lines, in the order of assignment.

    Raises:
        OutcomesUnusable: A line is no outcome.
    """
    tables = [_table(page) for page in pages if page.strip()]
    whole = pa.concat_tables(tables, promote_options="default") if tables else _empty()
    return _frame(whole).sort_values("assigned_at", kind="stable", ignore_index=True)


def about(frame: pd.DataFrame) -> tuple[Experiment, int]:
    """The experiment that a table is of, and its version.

    Raises:
        OutcomesUnusable: It does not say.
    """
    told = frame.attrs.get(KEY)
    if not told:
        raise OutcomesUnusable("this table does not say of which experiment it is")
    return parse(told["document"], "the table's experiment"), int(told["version"])


def of(frame: pd.DataFrame, experiment: Experiment, version: int) -> pd.DataFrame:
    """The table, saying what it is of."""
    frame.attrs[KEY] = {"document": experiment.document(), "version": version}
    return frame


def load_outcomes(path: Path) -> pd.DataFrame:
    """The table of a run's folder, or of a Parquet file.

    Raises:
        OutcomesUnusable: There is none, or it holds no outcomes.
    """
    file = path / RECORDS if path.is_dir() else path
    try:
        found = parquet.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise OutcomesUnusable(f"{file}: not a table of outcomes: {error}") from None
    attrs = json.loads((found.schema.metadata or {}).get(_ATTRS, b"{}"))
    if missing := [each.name for each in COLUMNS if each.name not in found.column_names]:
        raise OutcomesUnusable(f"{file}: columns are missing: {', '.join(missing)}")
    frame = _frame(found)
    frame.attrs.update(attrs)
    return frame


def _table(page: bytes) -> pa.Table:
    told = pa.schema([(each.name, _as_told(each.type)) for each in COLUMNS])
    options = ndjson.ParseOptions(explicit_schema=told, unexpected_field_behavior="infer")
    whole = ndjson.ReadOptions(block_size=max(1 << 20, len(page)))
    try:
        found = ndjson.read_json(io.BytesIO(page), whole, options)
    except pa.ArrowInvalid as error:
        raise OutcomesUnusable(f"the gateway's lines are no outcomes: {error}") from None
    for place, name in enumerate(found.column_names):
        if name.startswith(FEEDBACK):
            found = found.set_column(place, name, found.column(name).cast(pa.float64()))
    return found


def _as_told(kind: pa.DataType) -> pa.DataType:
    """How a column's values are written in JSON."""
    return pa.string() if pa.types.is_dictionary(kind) or pa.types.is_timestamp(kind) else kind


def _empty() -> pa.Table:
    return pa.schema([(each.name, _as_told(each.type)) for each in COLUMNS]).empty_table()


def _frame(found: pa.Table) -> pd.DataFrame:
    declared = {each.name: each for each in COLUMNS}
    columns: dict[str, Any] = {}
    feedback = sorted(name for name in found.column_names if name.startswith(FEEDBACK))
    for name in (*declared, *feedback):
        values = found.column(name).combine_chunks()
        kind = declared[name].type if name in declared else pa.float64()
        if pa.types.is_timestamp(kind):
            columns[name] = pd.to_datetime(values.to_pandas(), utc=True, format="ISO8601")
        elif pa.types.is_dictionary(kind):
            columns[name] = values.cast(pa.string()).to_pandas().astype("category")
        elif name in declared and declared[name].null and kind in _NULLABLE:
            columns[name] = pd.Series(_NULLABLE[kind].__from_arrow__(values.cast(kind)))
        else:
            columns[name] = values.cast(kind).to_pandas()
    return pd.DataFrame(columns)
