"""Conversations that are there already: rows as the service writes them, in any number."""

from __future__ import annotations

import hashlib

import orjson
import psycopg

KEY = "sk-bench-caller"
_QUESTION = orjson.dumps(
    [{"role": "user", "content": "What should I see in Lisbon on a rainy day?"}]
)
_ANSWER = orjson.dumps(
    {"role": "assistant", "content": "The tile museum, then the arcades of the old town. " * 4}
)
_SESSIONS = """
    INSERT INTO sessions (id, key_hash, user_id)
    SELECT gen_random_uuid(), %s, 'bench' FROM generate_series(1, %s)
"""
_TURNS = """
    INSERT INTO turns (session_id, interface, model, request_id, messages, plain, size)
    SELECT id, 'openai', 'bench-model', 'seeded', %s, true, %s FROM sessions
"""
_ANSWERS = """
    INSERT INTO answers (turn_id, complete, status, message, plain, size)
    SELECT id, true, 200, %s, true, %s FROM turns WHERE request_id = 'seeded'
"""


def begin(database_url: str, sessions: int, turns: int) -> list[str]:
    """Add `sessions` conversations of `turns` turns; returns their ids."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_SESSIONS, [_key_hash(), sessions])
        for _ in range(turns):
            connection.execute(_TURNS, [_QUESTION.decode(), len(_QUESTION)])
        connection.execute(_ANSWERS, [_ANSWER.decode(), len(_ANSWER)])
        rows = connection.execute("SELECT id::text FROM sessions").fetchall()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return [row[0] for row in rows]


def _key_hash() -> str:
    return hashlib.sha256(KEY.encode()).hexdigest()
