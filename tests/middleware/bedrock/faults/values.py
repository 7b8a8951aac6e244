"""Values that requests are not made of, or not in that place."""

from __future__ import annotations

from typing import Any

MODELS = (
    *("gpt", "claude", "mixed", "unknown-model"),
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/claude",
    "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1",
)
ODD_PATHS = (
    *("%00", "%ff", "%zz", "%2", "%", "%F0%9F%98%80", "%252F", "%2F%2F", "a%0d%0ab", "%ed%a0%80"),
    *(
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e",
        "a;b",
        "a b".replace(" ", "+"),
        "a?x=%ff",
        "x" * 5000,
        "a/b",
    ),
    *(
        "converse",
        "gpt/converse",
        "~",
        "%7B%7B",
        "*",
        "gpt%3Fq",
        "gpt%23f",
        "'\"".replace('"', "%22"),
    ),
)
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0, 1e308, 5e-324),
    *("", " ", "\x00", "\ufffe", "\U0001f600", "a" * 3000, "=", "QQ=", "Q\nQ==", "null", "../../x"),
    *(
        "user",
        "assistant",
        "system",
        "tool",
        "text",
        "default",
        "arn:aws:s3:::bucket/key",
        "sk-secret",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": ""},
        {"a": None},
        {"text": None},
        {"text": "x", "image": None},
    ),
    *({"json": None}, {"bytes": ""}, {"s3Location": {"uri": "s3://b/k"}}, {"type": "default"}),
)
NAMES = (
    *(
        "text",
        "image",
        "toolUse",
        "toolResult",
        "json",
        "bytes",
        "content",
        "role",
        "source",
        "name",
    ),
    *(
        "cachePoint",
        "guardContent",
        "citationsContent",
        "video",
        "audio",
        "model",
        "api_base",
        "stream",
    ),
    *(
        "messages",
        "system",
        "",
        "__proto__",
        "\u0000",
        "max_tokens",
        "metadata",
        "modelId",
        "s3Location",
    ),
)
LITERALS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-",
    b"01",
    b"0x1",
    b"'a'",
    b'"\\ud800"',
    b'"\\udc00x"',
)
INVALID_UTF8 = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82")
HEADERS: tuple[dict[str, str | None], ...] = (
    *({"content-type": kind} for kind in (None, "text/plain", "application/x-amz-json-1.1", ";;")),
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-encoding": "gzip"},
    *(
        {"authorization": value}
        for value in (None, "", "Bearer", "Basic eA==", "AWS4-HMAC-SHA256 x")
    ),
    {"accept": "application/vnd.amazon.eventstream"},
    {"connection": "content-type, authorization"},
    {"x-amzn-bedrock-trace": "ENABLED", "x-request-id": "a b"},
    {"te": "trailers", "x-forwarded-for": "1.1.1.1", "expect": "nothing"},
)
