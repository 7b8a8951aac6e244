"""Users and keys where they are kept: in LiteLLM, asked and told with the service's own key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from middleware.auth import METADATA
from middleware.errors import UpstreamBroken, UpstreamTimeout, UpstreamUnavailable
from middleware.identity import duration
from middleware.identity.grant import LIMITS, Grant, models_of
from middleware.sending import Headers
from middleware.upstream import Upstream

log = logging.getLogger("middleware")
Row = Mapping[str, Any]
UI_TEAM = "litellm-dashboard"
"""The team of the keys with which LiteLLM's UI works for whoever has signed in."""


class AccountRefused(UpstreamBroken):
    """LiteLLM would not keep what the policy grants: a team that it does not know, a licence it has not."""

    code = "account_refused"
    standard = "The model proxy behind the gateway refused the account that the policy grants."


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers as they came, and the body of an answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The decoded object; empty where it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Accounts:
    """LiteLLM's management API."""

    def __init__(self, upstream: Upstream, master: str) -> None:
        self._upstream = upstream
        self._master = master

    async def user(self, user_id: str) -> Row | None:
        """A user's row; None where there is none. Raises `UpstreamUnavailable`."""
        status, found = await self._upstream.ask(
            "/v2/user/info", self._master, {"user_id": user_id}
        )
        return _row(status, found)

    async def key(self, key_hash: str) -> Row | None:
        """A key's row; None where there is none. Raises `UpstreamUnavailable`."""
        target = f"/key/info?key={quote(key_hash, safe='')}"
        status, found = await self._upstream.ask(target, self._master)
        return _row(status, found.get("info") if isinstance(found, dict) else None)

    async def count_keys(self, user_id: str) -> int:
        """How many keys a user has. Raises `UpstreamUnavailable`."""
        query = {"user_id": user_id, "size": "1"}
        status, found = await self._upstream.ask("/key/list", self._master, query)
        if status != 200 or not isinstance(found, dict):
            raise UpstreamUnavailable
        return int(found.get("total_count") or 0)

    async def tell(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done as the administrator. Raises `AccountRefused`."""
        answer = await self.post(path, body, with_key(self._master))
        if answer.status != 200:
            log.error("LiteLLM refused %s with %d", path, answer.status)
            raise AccountRefused
        return answer.json()

    async def tried(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether something was done as the administrator; what another replica may have done too."""
        return (await self.post(path, body, with_key(self._master))).status == 200

    async def post(self, path: str, body: Mapping[str, Any], headers: Headers) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            UpstreamUnavailable, UpstreamTimeout, UpstreamBroken: there is none.
        """
        data = orjson.dumps(body)
        with closing(await self._upstream.request("POST", path, headers, data)) as response:
            try:
                return Answer(response.status, response.raw_headers, await response.read())
            except TimeoutError as error:
                raise UpstreamTimeout from error
            except aiohttp.ClientError as error:
                raise UpstreamBroken from error


def with_key(key: str) -> Headers:
    """The headers of a request of JSON with this key."""
    return [
        (b"authorization", f"Bearer {key}".encode()),
        (b"content-type", b"application/json"),
    ]


def limits_of(row: Row) -> Grant:
    """What a row of LiteLLM, a user's or a key's, allows by itself."""
    budget = row.get("max_budget")
    renewed = duration.known(row.get("budget_duration"))
    return Grant(
        models=models_of(row.get("models")),
        max_budget=budget,
        budget_duration=renewed if budget is not None else None,
        **{name: row.get(name) for name in LIMITS},
    )


def ours(row: Row) -> dict[str, Any]:
    """What this service has noted of a user or a key, where nobody else may write."""
    metadata = row.get("metadata")
    noted = metadata.get(METADATA) if isinstance(metadata, dict) else None
    return noted if isinstance(noted, dict) else {}


def _row(status: int, found: Any) -> Row | None:
    if status == 404:
        return None
    if status != 200 or not isinstance(found, dict):
        raise UpstreamUnavailable
    return found
