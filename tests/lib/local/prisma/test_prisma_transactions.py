"""Batches and transactions: all or nothing, for a time, and many at once."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from types import ModuleType
from typing import Any

import httpx
import pytest


async def test_a_batch_is_all_or_nothing(db: Any, every_type: ModuleType) -> None:
    async with db.batch_() as batch:
        batch.author.create(data={"id": 1, "name": "Ada"})
        batch.author.upsert(
            where={"id": 1}, data={"create": {"id": 1, "name": "?"}, "update": {"meta": "seen"}}
        )
        batch.author.update_many(where={}, data={"data": every_type.Json([1])})
        batch.execute_raw('UPDATE "Author" SET name = $1', "Ada II")
    ada = await db.author.find_unique(where={"id": 1})
    assert (ada.name, ada.meta, ada.data) == ("Ada II", "seen", [1])
    with pytest.raises(every_type.errors.UniqueViolationError):
        async with db.batch_() as batch:
            batch.author.create(data={"id": 2, "name": "Bob"})
            batch.author.create(data={"id": 3, "name": "Bob"})
    assert await db.author.count() == 1
    async with db.batch_():
        pass


async def test_transactions(db: Any, every_type: ModuleType) -> None:
    async with db.tx() as transaction:
        await transaction.author.create(data={"id": 1, "name": "Ada"})
        assert await transaction.author.count() == 1
        assert await db.author.count() == 0
        async with transaction.batch_() as batch:
            batch.author.create(data={"id": 2, "name": "Bob"})
        assert await transaction.query_raw('SELECT count(*)::int AS n FROM "Author"') == [{"n": 2}]
    assert await db.author.count() == 2
    with pytest.raises(KeyError):
        async with db.tx() as transaction:
            await asyncio.gather(
                *(transaction.author.create(data={"id": n, "name": str(n)}) for n in range(10, 20))
            )
            raise KeyError
    assert await db.author.count() == 2
    with pytest.raises(every_type.errors.UniqueViolationError):
        async with db.tx() as transaction:
            await transaction.author.create(data={"id": 3, "name": "Cid"})
            await transaction.author.create(data={"id": 4, "name": "Ada"})
    assert await db.author.count() == 2


async def test_a_transaction_expires(db: Any, every_type: ModuleType) -> None:
    transaction = db.tx(timeout=timedelta(milliseconds=300))
    inside = await transaction.start()
    await inside.author.create(data={"id": 1, "name": "Ada"})
    await asyncio.sleep(0.6)
    with pytest.raises(every_type.errors.TransactionExpiredError):
        await inside.author.count()
    assert await db.author.count() == 0
    # its connection is back in the pool
    await asyncio.gather(*(db.query_raw("SELECT pg_sleep(0.01)") for _ in range(10)))


async def test_an_isolation_level(db: Any, engine_url: str) -> None:
    async with httpx.AsyncClient(base_url=engine_url, timeout=60) as http:
        options = {"max_wait": 2000, "timeout": 5000, "isolation_level": "Serializable"}
        identity = (await http.post("/transaction/start", json=options)).json()["id"]
        query = {
            "query": 'mutation { r: queryRaw(query: "SHOW transaction_isolation", parameters: "[]") }'
        }
        answer = await http.post("/", json=query, headers={"X-transaction-id": identity})
        assert answer.json()["data"]["r"]["rows"] == [["serializable"]]
        assert (await http.post(f"/transaction/{identity}/commit")).status_code == 200
        assert (await http.post(f"/transaction/{identity}/commit")).status_code >= 400
        assert (await http.post("/transaction/unknown/rollback")).status_code == 404
        answer = await http.post("/", json=query, headers={"X-transaction-id": "unknown"})
        assert answer.json()["errors"][0]["user_facing_error"]["error_code"] == "P2028"


async def test_no_transaction_is_free(db: Any, every_type: ModuleType) -> None:
    open_ones = [db.tx(timeout=timedelta(seconds=20)) for _ in range(5)]
    for transaction in open_ones:
        await transaction.start()
    began = time.monotonic()
    with pytest.raises(every_type.engine.errors.EngineRequestError):
        await db.tx(max_wait=timedelta(milliseconds=300)).start()
    assert time.monotonic() - began < 3
    for transaction in open_ones:
        await transaction.rollback()
    assert await db.author.count() == 0


async def test_many_at_once(db: Any, every_type: ModuleType) -> None:
    async def use(number: int) -> int:
        await db.author.create(
            data={"id": number, "name": f"n{number}", "data": every_type.Json(number)}
        )
        async with db.tx(
            max_wait=timedelta(seconds=30), timeout=timedelta(seconds=30)
        ) as transaction:
            row = await transaction.author.update(where={"id": number}, data={"meta": str(number)})
        return int(row.data) - int(row.meta)

    assert await asyncio.gather(*(use(number) for number in range(1, 51))) == [0] * 50
    assert await db.author.count() == 50
