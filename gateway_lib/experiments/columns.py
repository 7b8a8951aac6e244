"""The columns of an experiment's outcomes: a row per call, with the moment of its assignment and its end.

A call of an experiment is an exposure, written before the model is asked. Its outcome is written at its
end. A call without one is still under way, or its replica died: it is counted, and no figure is made of it.
"""

from __future__ import annotations

import pyarrow as pa

from gateway_lib.benchmark.records.columns import WORD, Column

_OPEN = "the call has not ended, or its replica died"
_UNSTREAMED = "not streamed, or nothing came"
_UNTOLD = "LiteLLM did not say"

COLUMNS: tuple[Column, ...] = (
    Column("request_id", pa.string(), "the call's `x-request-id`; feedback is sent with it"),
    Column("version", pa.int32(), "version of the experiment, from 1"),
    Column("unit", pa.string(), "unit of assignment: 16 hexadecimal digits, no name"),
    Column("arm", WORD, "arm that the unit was assigned to"),
    Column("role", WORD, "`answer`, or `shadow` for a call beside the answering one"),
    Column(
        "pair", pa.string(), "request id that the two calls of a shadow have in common", "split"
    ),
    Column("assigned_at", pa.timestamp("us", tz="UTC"), "when it was assigned"),
    Column("interface", WORD, "`openai` or `bedrock`"),
    Column("streamed", pa.bool_(), "whether the answer was asked for as a stream"),
    Column("team", WORD, "team of the caller", "none"),
    Column("ended", pa.bool_(), "whether there is an outcome"),
    Column("status", pa.int16(), "HTTP status; 499 where the caller left", _OPEN),
    Column(
        "failed",
        pa.bool_(),
        "whether it ended otherwise than well (a caller who left is not)",
        _OPEN,
    ),
    Column(
        "latency_ms", pa.float64(), "from assignment to the end of the answer", "failed or open"
    ),
    Column("ttft_ms", pa.float64(), "from assignment to the first content", _UNSTREAMED),
    Column("input_tokens", pa.int64(), "tokens of the prompt", _UNTOLD),
    Column("output_tokens", pa.int64(), "tokens of the answer", _UNTOLD),
    Column("output_ktokens", pa.float64(), "the same, in thousands", _UNTOLD),
    Column("cost_usd", pa.float64(), "what LiteLLM says the call cost", _UNTOLD),
    Column("served_model", WORD, "group or deployment that answered, as LiteLLM names it", _UNTOLD),
    Column("fell_back", pa.bool_(), "whether another model than the arm's answered", _OPEN),
)
"""Beside them a `feedback.<name>` (float64, null where none was sent) for each name that was sent."""
