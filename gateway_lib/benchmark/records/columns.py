"""The columns of a measurement: one row per request, each column with its type and meaning.

Moments (`_s`) are seconds since the origin of the run, a wall-clock instant that all shards share;
durations (`_ms`) are milliseconds. Latency counts from the moment a request was *scheduled*: a client
or a server that falls behind delays requests, and that delay is latency to whoever waits for the
answer. Counted from the moment of sending it would vanish (coordinated omission), so those figures
are kept beside, with `sent` in their names.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

WORD = pa.dictionary(pa.int32(), pa.string())
"""A text of few different values."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `null` says when it has no value, empty if it always has one."""

    name: str
    type: pa.DataType
    meaning: str
    null: str = ""

    def field(self) -> pa.Field:
        """The column in a schema of Arrow."""
        return pa.field(self.name, self.type, nullable=bool(self.null))


_UNTIL = "no such moment came"
_UNTOLD = "the gateway did not say"
_NO_TOKENS = "fewer than two tokens came one by one"

COLUMNS: tuple[Column, ...] = (
    # which request
    Column("request", pa.int64(), "number in the schedule of the run, unique over all shards"),
    Column("shard", pa.int16(), "which process sent it, from 0"),
    Column("stage", pa.int16(), "step of a sweep, from 0"),
    Column("rate_rps", pa.float64(), "requests per second offered in the stage", "closed loop"),
    Column("users", pa.int32(), "users in the stage", "open loop"),
    Column("model", WORD, "model asked for"),
    Column("interface", WORD, "`openai` or `bedrock`"),
    Column("streamed", pa.bool_(), "whether the answer was asked for as a stream"),
    Column("history", pa.bool_(), "whether the gateway kept it in a conversation"),
    Column("question", WORD, "id of the prompt in its set"),
    Column("category", WORD, "category of the prompt", "the set has none"),
    Column("turn", pa.int16(), "turn in its conversation, from 1", "history is off"),
    Column("repeat", pa.int32(), "how often this prompt went to this model before, in the run"),
    # when
    Column("scheduled_s", pa.float64(), "when it was due"),
    Column("sent_s", pa.float64(), "when the client began to send it"),
    Column("first_byte_s", pa.float64(), "when the status line and headers were there", _UNTIL),
    Column("first_token_s", pa.float64(), "when the first content was there", _UNTIL),
    Column("last_token_s", pa.float64(), "when the last content was there", _UNTIL),
    Column("done_s", pa.float64(), "when the answer had ended, or had failed"),
    # how long, from the schedule; and from the sending, for comparison
    Column("lag_ms", pa.float64(), "sent later than due: the client's share"),
    Column("ttft_ms", pa.float64(), "from due to the first content (TTFT)", _UNTIL),
    Column("total_ms", pa.float64(), "from due to the end, or to the failure"),
    Column("ttft_sent_ms", pa.float64(), "from sent to the first content: naive TTFT", _UNTIL),
    Column("total_sent_ms", pa.float64(), "from sent to the end: naive total"),
    Column("itl_ms", pa.float64(), "mean gap between chunks with content (ITL)", _NO_TOKENS),
    Column("itl_p50_ms", pa.float64(), "median gap", _NO_TOKENS),
    Column("itl_max_ms", pa.float64(), "longest gap", _NO_TOKENS),
    Column("tpot_ms", pa.float64(), "first to last content, per token after the first", _NO_TOKENS),
    Column("chunks", pa.int32(), "chunks with content; 1 for an answer that was not streamed"),
    # how it ended
    Column("ok", pa.bool_(), "whether the answer came to its proper end"),
    Column("status", pa.int16(), "HTTP status", "no response came"),
    Column(
        "error_kind",
        WORD,
        "`http_NNN`, `timeout`, `connection`, `incomplete`, `malformed` or `stream_error`",
        "ok",
    ),
    Column("error", pa.string(), "what went wrong, in its own words", "ok"),
    Column("finish_reason", WORD, "why the model stopped, in the interface's words", _UNTOLD),
    # how much
    Column("tokens_in", pa.int32(), "prompt tokens, cached ones included", _UNTOLD),
    Column("tokens_out", pa.int32(), "completion tokens", _UNTOLD),
    Column("tokens_cached", pa.int32(), "prompt tokens read from the provider's cache", _UNTOLD),
    Column("tokens_source", WORD, "who counted: `usage` is the gateway", _UNTOLD),
    Column("cost_usd", pa.float64(), "price of the request in US dollars", _UNTOLD),
    Column(
        "cost_source",
        WORD,
        "`stream usage`, `header`, `price table`, or `spend log` once reconciled",
        _UNTOLD,
    ),
    # who served it, and what that took
    Column("retries", pa.int16(), "attempts of the gateway after the first", _UNTOLD),
    Column("fallbacks", pa.int16(), "other models the gateway went on to", _UNTOLD),
    Column("cache_hit", pa.bool_(), "answered from the gateway's response cache", _UNTOLD),
    Column("model_served", WORD, "model named in the answer", _UNTOLD),
    Column("deployment", WORD, "`x-litellm-model-id`: which deployment served it", _UNTOLD),
    Column(
        "middleware_ms", pa.float64(), "until the answer began, spent in the middleware", _UNTOLD
    ),
    Column(
        "upstream_ms", pa.float64(), "until it began, the middleware waited for LiteLLM", _UNTOLD
    ),
    Column("litellm_ms", pa.float64(), "its own overhead, as LiteLLM counts it", _UNTOLD),
    Column("provider_ms", pa.float64(), "until it began, LiteLLM waited for the provider", _UNTOLD),
    Column("request_id", pa.string(), "`x-request-id`, to find it in logs", _UNTOLD),
    Column("call_id", pa.string(), "`x-litellm-call-id`, to find it among the spend logs", _UNTOLD),
    Column("session_id", pa.string(), "conversation it belongs to", "history is off"),
    # what was said
    Column("answer_hash", pa.string(), "BLAKE2b of the answer's text, 16 hex digits", _UNTIL),
    Column("answer", pa.string(), "the answer's text", "answers are not kept, or none came"),
    Column("correct", pa.bool_(), "whether the answer is right", "nobody has judged it"),
)

SCHEMA = pa.schema([column.field() for column in COLUMNS])
NAMES = tuple(column.name for column in COLUMNS)
