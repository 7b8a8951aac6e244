"""The copy of what is spent and held in Redis: where all replicas ask, in one step, whether a call fits.

One hash per budget and period: `run`, `epoch`, `spent`, `reserved`, and a field per call under way. Redis may
lose any of them at any time; a call that misses one makes it anew from the database (`books`), with another
epoch.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

from middleware.budgets.errors import BudgetsUnavailable
from middleware.settings import Settings
from middleware.stores import redis_client

log = logging.getLogger("middleware")
SECONDS = 2.0
"""How long Redis may take to answer."""
# Connections of before a restart are found dead when they are used. Every script may be run twice.
_AGAIN = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
_KEPT = timedelta(days=2)
"""How long a copy outlives its period: calls may still be under way that began in it."""
# braces make a cluster keep all of them on one node, which one script can reach
_PREFIX = "middleware:{budgets}:"

# A server that comes back with an older copy, or a replica of it that takes over, is another run of Redis.
_RUN = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')\n"
# Every command in these scripts has four words at most. LiteLLM's scripts call INCRBYFLOAT, after which a
# Redis 6.2 that was built without jemalloc writes past the end of its memory: redis/redis#11652.
# KEYS: ledgers, then the replica's set. ARGV: the call, then amount, limit and id for each ledger.
_RESERVE = f"""
{_RUN}
local n = #KEYS - 1
for i = 1, n do
    if redis.call('HGET', KEYS[i], 'run') ~= run then return {{'missing', i}} end
end
for i = 1, n do
    local held = redis.call('HMGET', KEYS[i], 'spent', 'reserved')
    local amount, limit = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    if tonumber(held[1]) + tonumber(held[2]) + amount > limit then
        return {{'full', i, held[1], held[2]}}
    end
end
local answer = {{'ok'}}
for i = 1, n do
    if redis.call('HSETNX', KEYS[i], 'call:' .. ARGV[1], ARGV[3 * i - 1]) == 1 then
        redis.call('HINCRBY', KEYS[i], 'reserved', ARGV[3 * i - 1])
    end
    redis.call('SADD', KEYS[n + 1], ARGV[3 * i + 1])
    answer[i + 1] = redis.call('HGET', KEYS[i], 'epoch')
end
return answer
"""
# KEYS: ledgers. ARGV: the call, its cost. A call that a ledger does not hold is none of its any more.
_SETTLE = """
for i = 1, #KEYS do
    local amount = redis.call('HGET', KEYS[i], 'call:' .. ARGV[1])
    if amount then
        redis.call('HDEL', KEYS[i], 'call:' .. ARGV[1])
        if amount ~= '0' then redis.call('HINCRBY', KEYS[i], 'reserved', '-' .. amount) end
        redis.call('HINCRBY', KEYS[i], 'spent', ARGV[2])
    end
end
"""
# KEYS: a ledger. ARGV: epoch, spent, when it may go, then call and amount of each reservation.
# What this has made is not made again: calls may be in it already.
_LOAD = f"""
{_RUN}
local held = redis.call('HMGET', KEYS[1], 'run', 'epoch')
if held[1] == run and held[2] == ARGV[1] then return end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'run', run)
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
redis.call('HSET', KEYS[1], 'spent', ARGV[2])
redis.call('HSET', KEYS[1], 'reserved', '0')
for i = 4, #ARGV, 2 do
    redis.call('HSET', KEYS[1], 'call:' .. ARGV[i], ARGV[i + 1])
    redis.call('HINCRBY', KEYS[1], 'reserved', ARGV[i + 1])
end
redis.call('EXPIREAT', KEYS[1], ARGV[3])
"""
# KEYS: a ledger.
_EPOCH = f"""
{_RUN}
local held = redis.call('HMGET', KEYS[1], 'run', 'epoch')
if held[1] == run then return held[2] end
return ''
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A budget in one of its periods."""

    id: int
    ends_at: datetime

    @property
    def key(self) -> str:
        return f"{_PREFIX}{self.id}"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call wants of one ledger."""

    ledger: Ledger
    amount: int
    limit: int


@dataclass(frozen=True, slots=True)
class Granted:
    """It fits; the epochs are those of the copies in which it is held now."""

    epochs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Missing:
    """Redis has no copy of this ledger."""

    place: int


@dataclass(frozen=True, slots=True)
class Full:
    """It does not fit into this ledger."""

    place: int
    spent: int
    reserved: int


class Ledgers:
    """The copies. Every method raises `BudgetsUnavailable` where Redis does not answer."""

    def __init__(self, settings: Settings, replica: str) -> None:
        """Use the Redis that the settings name; without one every call is refused.

        Args:
            settings: the service's.
            replica: this process, under whose name is noted which ledgers it has reserved in.
        """
        self._redis = redis_client(settings, SECONDS, retry=_AGAIN)
        self._touched = _touched(replica)
        if self._redis:
            self._reserve = self._redis.register_script(_RESERVE)
            self._settle = self._redis.register_script(_SETTLE)
            self._load = self._redis.register_script(_LOAD)
            self._epoch = self._redis.register_script(_EPOCH)

    async def reserve(self, call: str, asks: Sequence[Ask]) -> Granted | Missing | Full:
        """Hold the amounts for a call in all of its ledgers, or in none."""
        self._needed()
        keys = [*(ask.ledger.key for ask in asks), self._touched]
        arguments: list[str | int] = [call]
        for ask in asks:
            arguments += [ask.amount, ask.limit, ask.ledger.id]
        said, *rest = await _answered(self._reserve(keys=keys, args=arguments))
        if said == b"ok":
            return Granted([epoch.decode() for epoch in rest])
        place = int(rest[0]) - 1
        if said == b"missing":
            return Missing(place)
        return Full(place, int(rest[1]), int(rest[2]))

    async def settle(self, call: str, ledgers: Sequence[Ledger], cost: int) -> None:
        """Let go what is held for a call, and add what it did cost. Doing it again changes nothing."""
        self._needed()
        keys = [ledger.key for ledger in ledgers]
        await _answered(self._settle(keys=keys, args=[call, cost]))

    async def load(
        self, ledger: Ledger, epoch: str, spent: int, held: Sequence[tuple[str, int]]
    ) -> None:
        """Make the copy anew."""
        self._needed()
        until = int((ledger.ends_at + _KEPT).timestamp())
        pairs = [part for pair in held for part in pair]
        await _answered(self._load(keys=[ledger.key], args=[epoch, spent, until, *pairs]))

    async def epoch(self, ledger: Ledger) -> str:
        """Which copy it is; empty where there is none, or one of another run of Redis."""
        self._needed()
        found: bytes = await _answered(self._epoch(keys=[ledger.key]))
        return found.decode()

    async def amounts(self, ledgers: Sequence[Ledger]) -> list[tuple[int, int] | None]:
        """Spent and reserved of each; None where there is no copy."""
        pipe = self._needed().pipeline(transaction=False)
        for ledger in ledgers:
            pipe.hmget(ledger.key, "spent", "reserved")
        found = await _answered(pipe.execute())
        return [None if spent is None else (int(spent), int(held)) for spent, held in found]

    async def touched_by(self, replica: str) -> list[int]:
        """The ids of the ledgers in which a replica has reserved."""
        return [int(each) for each in await _answered(self._needed().smembers(_touched(replica)))]

    async def forget(self, replica: str) -> None:
        await _answered(self._needed().delete(_touched(replica)))

    async def close(self) -> None:
        if self._redis:
            await self._redis.aclose()

    def _needed(self) -> redis.asyncio.Redis:
        if self._redis is None:
            raise BudgetsUnavailable
        return self._redis


def _touched(replica: str) -> str:
    return f"{_PREFIX}replica:{replica}"


async def _answered(asked: Any) -> Any:
    try:
        return await cast("Awaitable[Any]", asked)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("Redis cannot be asked for a budget: %s %s", type(error).__name__, error)
        raise BudgetsUnavailable from error
