"""Nothing that is sent to the engine ends it: its WebAssembly part panics on input it does not expect."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest


def create(data: str) -> str:
    return f"mutation {{ r: createOneValue(data: {{{data}}}) {{ id }} }}"


def raw(query: str, parameters: str = "[]") -> str:
    arguments = f"query: {json.dumps(query)}, parameters: {json.dumps(parameters)}"
    return f"mutation {{ r: queryRaw({arguments}) }}"


REFUSED = {
    "json-syntax": create('a_json: "{"'),
    "json-control-character": create(r'a_json: "\"\n\""'),
    "json-number": create('a_json: "[1e400]"'),
    "json-depth": create(f'a_json: "{"[" * 128}{"]" * 128}"'),
    "json-surrogate": create(r'a_json: "{\"\\ud800\": 1}"'),
    "json-nul": create(r'a_json: "\"\\u0000\""'),
    "text-nul": create(r'a_text: "a\u0000b"'),
    "moment": create('a_moment: "2024-02-30T00:00:00Z"'),
    "decimal": create('a_decimal: "NaN"'),
    "decimal-size": create('a_decimal: "1e100000"'),
    "float": create("a_float: 1e999"),
    "bytes": create('some_bytes: "!"'),
    "int": create("an_int: 99999999999999999999"),
    "list": create("many_texts: [null]"),
    "skip": "query { r: findManyValue(skip: -1) { id } }",
    "where": "query { r: findManyValue(where: [1]) { id } }",
    "no-selection": "query { r: findManyValue }",
    "variable": "query ($v: Int) { r: findManyValue(take: $v) { id } }",
    "parameters": raw("SELECT 1", "{}"),
    "parameters-syntax": raw("SELECT 1", "["),
    "parameters-number": raw("SELECT $1::text", "[1e400]"),
    "two-statements": raw("SELECT 1; SELECT 2"),
    "interval": raw("SELECT '1 day'::interval"),
    "infinite": raw("SELECT 'infinity'::timestamp"),
    "matrix": raw("SELECT ARRAY[[1, 2], [3, 4]]"),
    "row-surrogate": raw(r"""SELECT '"\ud800"'::json"""),
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
async def test_refused(db: Any, engine_url: str, query: str) -> None:
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        (error,) = (await http.post("/", json={"query": query})).json()["errors"]
        assert error["user_facing_error"]["message"]
        assert not error["user_facing_error"]["is_panic"]
        assert (await http.get("/status")).status_code == 200
    assert await db.value.count() == 0


@pytest.mark.parametrize(
    "values",
    [
        "(a_moment) VALUES ('infinity')",
        "(a_zoned) VALUES ('0044-03-15 BC')",
        "(a_moment) VALUES ('12024-03-15')",
        "(a_decimal) VALUES ('NaN')",
        "(many_texts) VALUES ('{{a,b},{c,d}}')",
        """(a_document) VALUES ('{"a": 1e400}')""",
    ],
)
async def test_rows_that_prisma_has_no_value_for(
    db: Any, engine_url: str, every_type_url: str, values: str
) -> None:
    with psycopg.connect(every_type_url, autocommit=True) as connection:
        connection.execute(f'INSERT INTO "Value" {values}')
    query = "{ r: findManyValue { a_moment a_zoned a_decimal many_texts a_document } }"
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        answer = (await http.post("/", json={"query": query})).json()
    assert answer["errors"][0]["user_facing_error"]["error_code"] == "P2023"
    assert await db.value.count() == 1


async def test_bodies_that_are_no_queries(db: Any, engine_url: str) -> None:
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        for body in ("", "[]", "null", "{}", '{"query": 5}', '{"batch": [{}]}', '{"batch": [5]}'):
            answer = await http.post("/", content=body)
            assert answer.json()["errors"], body
        for body in ("{}", "x"):
            assert (await http.post("/transaction/start", content=body)).json()["errors"], body
    assert await db.value.count() == 0
