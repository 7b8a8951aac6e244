"""Old conversations are deleted while some of them are taken up again."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from middleware.database import Database
from middleware.history.retention import Retention
from middleware.settings import Settings
from tests.middleware.history.conftest import KEY
from tests.middleware.history.litellm import MASTER

from .kept import Kept

SESSIONS, DAYS = 2000, 2.0
_SEED = f"""
    INSERT INTO sessions (id, key_hash, opened_at)
    SELECT md5(n::text)::uuid, '{hashlib.sha256(KEY.encode()).hexdigest()}', now() - interval '3 d'
    FROM generate_series(1, {SESSIONS}) AS n;
    INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size, accepted_at)
    SELECT id, 'openai', 'm', 'r', format('[{{"role":"user","content":"%s %s"}}]', id, n)::json,
           true, 80, opened_at
    FROM sessions, generate_series(1, 2) AS n;
    INSERT INTO answers (turn_id, complete, status, message, plain, size)
    SELECT id, true, 200, '{{"role":"assistant","content":"ho"}}', true, 35 FROM turns;
"""


@pytest.fixture
async def old(replicas, postgres_url: str) -> list[str]:
    """The ids of two thousand sessions in which nothing was said for three days."""
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(_SEED)
        return [str(row[0]) for row in await connection.fetch("SELECT id FROM sessions")]
    finally:
        await connection.close()


@pytest.fixture
async def sweepers(postgres_url: str) -> AsyncIterator[list[Retention]]:
    """Two that work side by side, as those of two replicas do."""
    settings = Settings(litellm_key=MASTER, database_url=postgres_url)
    databases = [Database(settings) for _ in range(2)]
    try:
        for database in databases:
            database.start()
        while not all([await database.is_ready(1) for database in databases]):
            await asyncio.sleep(0.02)
        yield [Retention(database, DAYS) for database in databases]
    finally:
        for database in databases:
            await database.close()


async def test_a_session_that_is_taken_up_again_stays_or_says_that_it_is_gone(
    client, model, old, sweepers, postgres_url
):
    model.tell(seconds=0.2)
    random.Random(7).shuffle(old)
    waiting, outcomes = iter(enumerate(old)), []

    async def talk() -> None:
        for number, session in waiting:
            outcomes.append(await client.ask(f"question {number}", session))

    async def sweep() -> int:
        while len(outcomes) < SESSIONS // 4:
            await asyncio.sleep(0.01)
        return sum([await one.sweep() for one in sweepers])

    deleted = sum((await asyncio.gather(sweep(), sweep(), *(talk() for _ in range(50))))[:2])
    kept = await Kept.of(postgres_url)
    assert len(kept.sessions) == SESSIONS - deleted
    assert {one.status for one in outcomes} == {200, 404}
    for one in outcomes:
        assert (one.session in kept.sessions) == (one.answer is not None)
        assert (await client.history(one.session))[0] == one.status
    kept.has_all_of(outcomes)
