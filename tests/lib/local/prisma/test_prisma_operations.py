"""The forms of query that LiteLLM uses: filters, relations, writes, groups, raw queries; and their errors."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest


async def library(db: Any, every_type: ModuleType) -> None:
    """Two authors; the first has two books and a card."""
    json = every_type.Json
    await db.author.create(
        data={
            "id": 1,
            "name": "Ada",
            "data": json({"tags": ["x", "y"], "deep": {"n": 5}}),
            "meta": '{"not": "json"}',
            "books": {
                "create": [
                    {"id": 1, "title": "A", "data": "{}", "meta": json({"pages": 10})},
                    {"id": 2, "title": "B", "where": json("here")},
                ]
            },
            "card": {"create": {"id": 1, "data": json([1])}},
        }
    )
    await db.author.create(data={"id": 2, "name": "Bob", "set": json({"set": 1})})


async def test_fields_of_one_name_and_several_types(db: Any, every_type: ModuleType) -> None:
    await library(db, every_type)
    ada = await db.author.find_unique_or_raise(
        where={"name": "Ada"}, include={"books": {"order_by": {"id": "asc"}}, "card": True}
    )
    assert ada.data == {"tags": ["x", "y"], "deep": {"n": 5}}
    assert ada.meta == '{"not": "json"}'
    first, second = ada.books
    assert (first.data, first.meta, first.where) == ("{}", {"pages": 10}, None)
    assert (second.data, second.meta, second.where) == (None, {}, "here")
    assert ada.card.data == [1]
    bob = await db.author.find_first(where={"set": {"equals": every_type.Json({"set": 1})}})
    assert (bob.name, bob.set) == ("Bob", {"set": 1})


async def test_filters(db: Any, every_type: ModuleType) -> None:
    await library(db, every_type)
    json = every_type.Json

    async def names(where: dict[str, Any]) -> list[str]:
        return [row.name for row in await db.author.find_many(where=where, order={"id": "asc"})]

    assert await names({"data": {"path": ["deep", "n"], "equals": json(5)}}) == ["Ada"]
    assert await names({"data": {"path": ["tags"], "array_contains": json(["y"])}}) == ["Ada"]
    assert await names({"data": {"path": ["tags", "0"], "string_starts_with": "x"}}) == ["Ada"]
    assert await names({"NOT": [{"data": {"equals": json({})}}]}) == ["Ada"]
    assert await names({"name": {"in": ["Bob", "Cid"]}}) == ["Bob"]
    assert await names({"name": {"not_in": ["Bob"]}}) == ["Ada"]
    assert await names({"name": {"not": "Ada"}}) == ["Bob"]
    assert await names({"name": {"not": {"startswith": "A"}}}) == ["Bob"]
    assert await names({"name": {"contains": "AD", "mode": "insensitive"}}) == ["Ada"]
    assert await names({"id": {"gt": 1, "lte": 2}}) == ["Bob"]
    assert await names({"OR": [{"id": 1}, {"AND": [{"id": 2}, {"name": "Bob"}]}]}) == ["Ada", "Bob"]
    assert await names({"books": {"some": {"title": "B", "where": {"equals": json("here")}}}}) == [
        "Ada"
    ]
    assert await names({"books": {"none": {}}}) == ["Bob"]
    assert await names({"card": {"is": {"data": {"equals": json([1])}}}}) == ["Ada"]
    assert await names({"card": {"is_not": {"id": 1}}}) == ["Bob"]
    by_author = await db.book.find_many(where={"author": {"is": {"name": "Ada"}}}, take=1, skip=1)
    assert [book.title for book in by_author] == ["B"]


async def test_lists(db: Any) -> None:
    await db.value.create(data={"many_texts": ["a", "b"], "many_ints": [1]})
    await db.value.create(data={"many_texts": []})
    assert await db.value.count(where={"many_texts": {"has": "a"}}) == 1
    assert await db.value.count(where={"many_texts": {"has_every": ["a", "b"]}}) == 1
    assert await db.value.count(where={"many_texts": {"has_some": ["b", "z"]}}) == 1
    assert await db.value.count(where={"many_texts": {"is_empty": True}}) == 1
    row = await db.value.update(
        where={"id": 1}, data={"many_texts": {"push": ["c"]}, "many_ints": {"set": [5, 6]}}
    )
    assert (row.many_texts, row.many_ints) == (["a", "b", "c"], [5, 6])
    row = await db.value.update(where={"id": 1}, data={"many_texts": {"set": []}})
    assert row.many_texts == []


async def test_numbers_counted_in_place(db: Any) -> None:
    await db.value.create(data={"an_int": 1, "a_float": 0.5, "a_big": 2**53 - 1})
    row = await db.value.update(
        where={"id": 1},
        data={"an_int": {"increment": 2}, "a_float": {"multiply": 3}, "a_big": {"increment": 2}},
    )
    assert (row.an_int, row.a_float, row.a_big) == (3, 1.5, 2**53 + 1)
    row = await db.value.update(where={"id": 1}, data={"an_int": {"decrement": 5}})
    assert row.an_int == -2


async def test_nested_writes(db: Any, every_type: ModuleType) -> None:
    await library(db, every_type)
    json = every_type.Json
    await db.author.update(
        where={"id": 1},
        data={
            "card": {"update": {"data": json({"new": True})}},
            "books": {
                "update": [{"where": {"id": 1}, "data": {"meta": json({"pages": 11})}}],
                "delete": [{"id": 2}],
                "connect_or_create": {
                    "where": {"id": 3},
                    "create": {"id": 3, "title": "C", "where": json(None)},
                },
                "upsert": [
                    {
                        "where": {"author_id_title": {"author_id": 1, "title": "D"}},
                        "create": {"id": 4, "title": "D", "meta": json(["new"])},
                        "update": {"meta": json(["old"])},
                    }
                ],
            },
        },
    )
    ada = await db.author.find_unique(where={"id": 1}, include={"books": True, "card": True})
    assert ada.card.data == {"new": True}
    assert {book.title: book.meta for book in ada.books} == {
        "A": {"pages": 11},
        "C": {},
        "D": ["new"],
    }
    await db.book.update(where={"id": 3}, data={"author": {"connect": {"name": "Bob"}}})
    bob = await db.author.find_unique(where={"id": 2}, include={"books": {"where": {"title": "C"}}})
    assert [book.id for book in bob.books] == [3]
    await db.author.update(where={"id": 1}, data={"card": {"delete": True}})
    assert await db.card.count() == 0


async def test_upsert(db: Any, every_type: ModuleType) -> None:
    await library(db, every_type)
    key = {"author_id_title": {"author_id": 2, "title": "Z"}}
    for pages in (1, 2):
        row = await db.book.upsert(
            where=key,
            data={
                "create": {"id": 9, "title": "Z", "author": {"connect": {"id": 2}}},
                "update": {"meta": every_type.Json({"pages": pages})},
            },
        )
    assert (row.id, row.meta) == (9, {"pages": 2})


async def test_many(db: Any, every_type: ModuleType) -> None:
    rows = [{"id": n, "name": f"n{n}", "data": every_type.Json({"n": n})} for n in range(1, 1001)]
    assert await db.author.create_many(data=rows) == 1000
    assert await db.author.create_many(data=rows[:2], skip_duplicates=True) == 0
    assert await db.author.update_many(where={"id": {"gt": 990}}, data={"meta": "late"}) == 10
    assert await db.author.count(where={"meta": "late"}) == 10
    assert len(await db.author.find_many(where={"id": {"in": list(range(1, 901))}})) == 900
    assert await db.author.delete_many(where={"id": {"lte": 500}}) == 500
    assert (await db.author.delete(where={"id": 1000})).data == {"n": 1000}


async def test_groups(db: Any) -> None:
    for mood, number in (("calm", 1), ("calm", 2), ("wild", 10)):
        await db.value.create(
            data={"a_mood": mood, "an_int": number, "a_big": 2**60, "a_float": 0.5}
        )
    groups = await db.value.group_by(
        by=["a_mood"],
        count=True,
        sum={"an_int": True, "a_float": True, "a_big": True},
        max={"an_int": True},
        order={"a_mood": "asc"},
        having={"an_int": {"_sum": {"gt": 2}}},
    )
    assert [(group["a_mood"], group["_sum"]["an_int"]) for group in groups] == [
        ("calm", 3),
        ("wild", 10),
    ]
    assert groups[0]["_count"]["_all"] == 2
    assert int(groups[0]["_sum"]["a_big"]) == 2**61


async def test_raw(db: Any) -> None:
    (row,) = await db.query_raw(
        "SELECT $1::text AS a, $2::bigint AS b, $3::jsonb AS c, $4::text[] AS d, $5::float8 AS e,"
        " $6::boolean AS f, $7::text AS g, 'n'::name AS h, ARRAY['n'::name] AS i, pg_sleep(0) AS j,"
        " 1.50::numeric AS k, '\\x00ff'::bytea AS l, 'wild'::\"Mood\" AS m",
        "ü'\"$1",
        2**62,
        '{"a": 1.0, "b": 12345678901234567890}',
        ["x", 'y,"z"', None],
        0.1,
        True,
        None,
    )
    assert row == {
        "a": "ü'\"$1",
        "b": 2**62,
        "c": {"a": 1.0, "b": 12345678901234567890},
        "d": ["x", 'y,"z"', None],
        "e": 0.1,
        "f": True,
        "g": None,
        "h": "n",
        "i": ["n"],
        "j": None,
        "k": 1.5,
        "l": "AP8=",
        "m": "wild",
    }
    assert isinstance(row["c"]["a"], float)
    assert await db.query_first("SELECT 1 AS one WHERE false") is None
    count = await db.execute_raw(
        'INSERT INTO "Author" (id, name) VALUES ($1, $2), (3, $2 || $2)', 2, "x"
    )
    assert count == 2
    names = await db.query_raw(
        'SELECT name FROM "Author" WHERE id = ANY($1::int[]) ORDER BY id', [2, 3]
    )
    assert names == [{"name": "x"}, {"name": "xx"}]
    author = await db.query_first(
        'SELECT * FROM "Author" WHERE id = 2', model=type(await db.author.find_first())
    )
    assert author.name == "x"


async def test_errors(db: Any, every_type: ModuleType) -> None:
    await library(db, every_type)
    errors = every_type.errors
    with pytest.raises(errors.UniqueViolationError) as unique:
        await db.author.create(data={"id": 5, "name": "Ada"})
    assert (unique.value.code, unique.value.meta["target"]) == ("P2002", ["name"])
    with pytest.raises(errors.UniqueViolationError):
        await db.book.create(data={"id": 8, "title": "A", "author_id": 1})
    with pytest.raises(errors.ForeignKeyViolationError):
        await db.book.create(data={"id": 8, "title": "A", "author_id": 77})
    with pytest.raises(errors.ForeignKeyViolationError):
        await db.author.delete_many(where={"id": 1})
    assert await db.author.update(where={"id": 77}, data={"name": "x"}) is None
    assert await db.author.delete(where={"id": 77}) is None
    with pytest.raises(errors.RecordNotFoundError):
        await db.author.find_unique_or_raise(where={"id": 77})
    with pytest.raises(errors.RecordNotFoundError):
        await db.author.find_first_or_raise(where={"name": "Zoe"})
    with pytest.raises(errors.RawQueryError, match="does not exist") as raw:
        await db.query_raw('SELECT * FROM "Nothing"')
    assert (raw.value.code, raw.value.meta["code"]) == ("P2010", "42P01")
    with pytest.raises(errors.RawQueryError, match="syntax error"):
        await db.execute_raw("UPDATE")
    with pytest.raises(errors.MissingRequiredValueError):
        await db.author.create(data={"id": 5})
    with pytest.raises(errors.FieldNotFoundError):
        await db.author.find_first(where={"nonsense": 1})
    with pytest.raises(errors.DataError):
        await db.author.create(data={"id": 5, "name": "x", "data": "{not json"})
    assert await db.author.count() == 2
