"""Guardrails that a realtime session names in its query."""

from __future__ import annotations

import aiohttp
import pytest

from .conftest import KEY

REALTIME = "/v1/realtime?model=m"


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    "query",
    ["guardrails=nope", "guardrails=a,nope", "guardrails=nope&guardrails=a", "g%75ardrails=nope"],
)
async def test_an_unknown_name_closes(litellm, closed, http, query):
    async with http.ws_connect(
        f"{closed.base_url}{REALTIME}&{query}", headers=KEY, protocols=("realtime",)
    ) as session:
        message = await session.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (session.close_code, message.extra) == (
            1008,
            "The gateway has no guardrail 'nope'.",
        )
    assert not litellm.calls


async def test_nobody_knows(litellm, closed, http):
    litellm.names = None
    url = f"{closed.base_url}{REALTIME}&guardrails=a"
    async with http.ws_connect(url, headers=KEY) as session:
        await session.receive()
        assert session.close_code == 1013
    assert not litellm.calls


async def test_known_names_are_handed_on(litellm, closed, http):
    for more in ("&guardrails=a,b", ""):
        async with http.ws_connect(f"{closed.base_url}{REALTIME}{more}", headers=KEY):
            pass
        assert litellm.calls[-1] == f"model=m{more}"


async def test_whoever_has_no_key_learns_nothing(litellm, closed, http):
    for name in ("a", "nope"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{closed.base_url}{REALTIME}&guardrails={name}")
        assert refused.value.status == 403
    assert not litellm.calls
