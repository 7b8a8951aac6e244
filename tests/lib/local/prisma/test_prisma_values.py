"""Every value type, written and read back through the real client and a real PostgreSQL."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any

import psycopg
import pytest

TEXTS = [
    "",
    "plain",
    'quotes " and \' and \\ and \\" and \\\\',
    "lines\nand\r\n\ttabs\x08\x0c\x01\x7f",
    # without U+2028 and its like, after which prisma-client-py itself indents, as after a newline
    "ümläut 日本語 😀 \ufeff \u200b",
    '"""block"""',
    "# no comment { } ( ) $x ...",
    "x" * 100_000,
]
DOCUMENTS = [
    {},
    [],
    "a string",
    '"quoted"',
    "null",
    0,
    -1.5,
    1e-300,
    1.0,
    2**60,
    True,
    None,
    {"a": [1, 2.5, None, {"b": "ü😀\n\"'\\"}], "$type": "Json", "value": 1, "": {}},
    [[[[]]]],
]
MOMENT = datetime(2024, 2, 29, 23, 59, 59, 987000, tzinfo=UTC)


@pytest.mark.parametrize("text", TEXTS)
async def test_text(db: Any, text: str) -> None:
    row = await db.value.create(data={"a_text": text, "many_texts": [text, "x"]})
    assert (row.a_text, row.many_texts) == (text, [text, "x"])
    assert (await db.value.find_first(where={"a_text": text})).id == row.id


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_json(db: Any, every_type: ModuleType, every_type_url: str, document: object) -> None:
    value = every_type.Json(document)
    row = await db.value.create(data={"a_json": value, "a_document": value, "many_jsons": [value]})
    assert (row.a_json, row.a_document) == (document, document)
    assert row.many_jsons == [document]
    assert (await db.value.find_first(where={"a_json": {"equals": value}})).id == row.id
    with psycopg.connect(every_type_url) as connection:
        stored = connection.execute(
            "SELECT a_json FROM \"Value\" WHERE a_json <> 'null'"
        ).fetchall()
    assert stored == ([] if document is None else [(document,)])
    raw = await db.query_raw('SELECT a_json, a_document, many_jsons FROM "Value"')
    assert raw == [{"a_json": document, "a_document": document, "many_jsons": [document]}]


async def test_json_null_and_no_json(db: Any, every_type: ModuleType, every_type_url: str) -> None:
    await db.value.create(data={"a_text": "json null", "a_json": every_type.Json(None)})
    await db.value.create(data={"a_text": "nothing"})
    with psycopg.connect(every_type_url) as connection:
        query = 'SELECT a_text FROM "Value" WHERE a_json IS NULL'
        assert connection.execute(query).fetchall() == [("nothing",)]
    assert await db.value.count(where={"a_json": {"equals": every_type.Json(None)}}) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("a_char", "abcde"),
        ("an_int", 2**31 - 1),
        ("an_int", -(2**31)),
        ("a_small", -32768),
        ("a_big", 2**63 - 1),
        ("a_big", -(2**63)),
        ("a_big", 7),
        ("a_real", 0.5),
        ("a_float", 0.1),
        ("a_float", 3),
        ("a_float", 1e300),
        ("a_float", 5e-324),
        ("a_float", 2**60),
        ("a_float", -0.000123456789012345),
        ("a_decimal", Decimal("1234567890123456789.123456789012345678901234567890")),
        ("a_decimal", Decimal("-0.1")),
        ("a_boolean", True),
        ("a_boolean", False),
        ("a_moment", MOMENT),
        ("a_moment", datetime(1, 1, 1, tzinfo=UTC)),
        ("a_moment", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("a_zoned", MOMENT),
        ("a_zoned", datetime(1969, 7, 20, 20, 17, 40, 5000, tzinfo=UTC)),
        ("a_day", datetime(2024, 2, 29, tzinfo=UTC)),
        ("a_uuid", "0189d9d8-3c1a-7d2e-8f11-aabbccddeeff"),
        ("a_mood", "wild"),
        ("many_ints", [1, -2, 2**31 - 1]),
        ("many_ints", []),
        ("many_bigs", [2**63 - 1, 0]),
        ("many_floats", [0.1, 1e300, -2.0]),
        ("many_bools", [True, False]),
        ("many_moments", [MOMENT, MOMENT + timedelta(days=1)]),
        ("many_zoned", [MOMENT]),
        ("many_moods", ["calm", "wild"]),
        ("many_uuids", ["0189d9d8-3c1a-7d2e-8f11-aabbccddeeff"]),
        ("many_texts", ["", "NULL", "{}", 'a,"b"', "\\", "ü😀"]),
    ],
)
async def test_value(db: Any, field: str, value: object) -> None:
    created = await db.value.create(data={field: value})
    assert getattr(created, field) == value
    filter_ = {"equals": value} if isinstance(value, list) else value
    found = await db.value.find_many(where={field: filter_})
    assert [getattr(row, field) for row in found] == [value]
    await db.value.create(data={})
    updated = await db.value.update(where={"id": 2}, data={field: value})
    assert getattr(updated, field) == value


async def test_bytes(db: Any, every_type: ModuleType) -> None:
    content = bytes(range(256)) * 40
    value = every_type.Base64.encode(content)
    row = await db.value.create(data={"some_bytes": value})
    assert row.some_bytes.decode() == content
    assert await db.value.count(where={"some_bytes": value}) == 1


async def test_moments_are_utc_whatever_the_server_says(db: Any, every_type_url: str) -> None:
    elsewhere = datetime(2024, 1, 1, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    row = await db.value.create(data={"a_moment": elsewhere, "a_zoned": elsewhere})
    assert row.a_moment == row.a_zoned == elsewhere
    with psycopg.connect(every_type_url) as connection:
        stored = connection.execute('SELECT a_moment, a_zoned FROM "Value"').fetchone()
    assert stored == (datetime(2023, 12, 31, 23, 30), elsewhere)


async def test_nothing_is_null(db: Any) -> None:
    row = await db.value.create(data={"a_text": "x", "an_int": 1, "a_moment": MOMENT})
    row = await db.value.update(
        where={"id": row.id}, data={"a_text": None, "an_int": None, "a_moment": None}
    )
    assert (row.a_text, row.an_int, row.a_moment) == (None, None, None)
    assert row.many_texts in (None, [])
    assert await db.value.count(where={"a_text": None}) == 1


async def test_numbers_that_no_column_holds_are_refused(db: Any, every_type: ModuleType) -> None:
    for data in ({"an_int": 2**31}, {"a_big": 2**63}, {"a_float": math.nan}, {"a_mood": "angry"}):
        with pytest.raises(every_type.errors.DataError):
            await db.value.create(data=data)
    assert await db.value.count() == 0


async def test_days_of_raw_queries(db: Any) -> None:
    (row,) = await db.query_raw("SELECT $1::date AS day", date(2024, 2, 29).isoformat())
    assert row == {"day": "2024-02-29"}
