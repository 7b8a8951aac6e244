"""Priority and limits on a running service, on both interfaces."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest

from tests.middleware.conftest import eventually

from .conftest import KEY, bearer

INTERFACES = pytest.mark.parametrize("interface", ["openai", "bedrock"])
HISTORY = pytest.mark.parametrize("history", ["always", "off"])


@INTERFACES
async def test_fifty_calls_of_priority_0_go_before_two_hundred_that_came_earlier(
    start, upstream, interface
):
    service = await start(4)
    calls = [await service.begin(interface, f"first {n}", 10) for n in range(4)]
    await eventually(lambda: upstream.running == 4)
    calls += [asyncio.create_task(service.ask(interface, "late", 10)) for _ in range(200)]
    await eventually(lambda: service.load.waiting == 200)
    calls += [asyncio.create_task(service.ask(interface, "urgent", 0)) for _ in range(50)]
    await eventually(lambda: service.load.waiting == 250)
    assert len(upstream.texts) == 4
    for _ in range(50):
        began = len(upstream.texts)
        upstream.let_go()
        await eventually(lambda began=began: len(upstream.texts) > began)
    assert upstream.texts[4:] == ["urgent"] * 50
    upstream.let_go(204)
    assert {reply.status_code for reply in await asyncio.gather(*calls)} == {200}
    assert upstream.texts[54:] == ["late"] * 200 and upstream.most == 4
    assert service.admission.load() == {}


@INTERFACES
@HISTORY
@pytest.mark.parametrize("limit", [None, 5])
async def test_priority_0_works_and_no_provider_hears_of_it(
    start, upstream, interface, history, limit
):
    service = await start(limit, history=history)
    upstream.let_go(3)
    for priority in (0, 1, 9999):
        assert (await service.ask(interface, "question", priority)).status_code == 200
    assert len(upstream.asked) == 3
    assert all("priority" not in body for body in upstream.asked)


@INTERFACES
@HISTORY
@pytest.mark.parametrize("limit", [None, 5])
async def test_what_is_no_priority_is_refused_on_both_interfaces(
    start, upstream, interface, history, limit
):
    service = await start(limit, history=history)
    for wrong in (-1, 10_000, "0", 0.5, True):
        reply = await service.ask(interface, "question", wrong)
        assert reply.status_code == 400 and "priority must be a whole number" in reply.text
    assert reply.headers.get("x-amzn-errortype") == (
        "ValidationException" if interface == "bedrock" else None
    )
    assert upstream.asked == []


@INTERFACES
@HISTORY
@pytest.mark.parametrize("bounds", [{"queue_length": 0}, {"queue_seconds": 0.2}])
async def test_overload_is_answered_early_and_nothing_of_it_is_kept(
    start, upstream, interface, history, bounds
):
    service = await start(1, history=history, **bounds)
    running = await service.begin(interface, "runs")
    await eventually(lambda: upstream.running == 1)
    reply = await service.ask(interface, "too much", 0)
    assert reply.status_code == 429 and int(reply.headers["retry-after"]) >= 1
    if interface == "bedrock":
        assert reply.headers["x-amzn-errortype"] == "ThrottlingException"
        assert "under way" in reply.json()["message"]
    else:
        error = reply.json()["error"]
        assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    upstream.let_go()
    assert (await running).status_code == 200
    upstream.let_go()
    assert (await service.ask(interface, "again")).status_code == 200
    assert upstream.texts == ["runs", "again"]
    listed = await service.http.post("/session-ids", json={}, headers=bearer())
    assert len(listed.json()["session_ids"]) == (2 if history == "always" else 0)


@INTERFACES
@HISTORY
async def test_a_stream_holds_its_slot_until_its_end(start, upstream, interface, history):
    service = await start(1, history=history)
    call = service.call(interface, "a stream", stream=True)
    async with service.http.stream(**call) as reply:
        pieces = reply.aiter_bytes()
        assert b"answer" in await anext(pieces)
        waiting = await service.begin(interface, "waits")
        await asyncio.sleep(0.05)
        assert service.load.waiting == 1 and upstream.texts == ["a stream"]
        upstream.let_go()
        await eventually(lambda: upstream.texts == ["a stream", "waits"])
        async for _ in pieces:
            pass
    upstream.let_go()
    assert (await waiting).status_code == 200 and service.admission.load() == {}


@INTERFACES
@HISTORY
async def test_who_leaves_gives_his_place_and_his_slot_back(start, upstream, interface, history):
    service = await start(1, history=history)
    call = service.call(interface, "a stream", stream=True)
    async with service.http.stream(**call) as reply:
        pieces = reply.aiter_bytes()
        await anext(pieces)
        leaving = await service.begin(interface, "leaves", 0)
        staying = await service.begin(interface, "stays")
        assert service.load.waiting == 2
        leaving.cancel()
        await eventually(lambda: service.load.waiting == 1)
        assert service.load.waiting == 1
    await eventually(lambda: "stays" in upstream.texts)
    assert upstream.texts == ["a stream", "stays"]
    upstream.let_go(2)
    assert (await staying).status_code == 200
    await eventually(lambda: service.admission.load() == {})
    assert service.admission.load() == {}


@INTERFACES
async def test_a_call_that_fails_gives_its_slot_back(start, upstream, interface):
    service = await start(1)
    upstream.let_go(10)
    upstream.fail = {"status": 500, "message": "the provider failed"}
    assert (await service.ask(interface, "fails")).status_code >= 500
    upstream.fail = None
    upstream.broken = True
    with suppress(httpx.RemoteProtocolError):
        await service.ask(interface, "breaks off", stream=True)
    await eventually(lambda: service.admission.load() == {})
    assert service.admission.load() == {}


@INTERFACES
async def test_a_policys_priority_is_the_callers_own_and_the_best_that_he_can_ask_for(
    start, upstream, interface
):
    upstream.add_key(KEY, "ada", metadata={"gateway": {"priority": 10}})
    service = await start(1)
    calls = [await service.begin(interface, text) for text in ("runs", "of the policy")]
    refused = await service.ask(interface, "first of all", 9)
    assert refused.status_code == 403 and "is 10; 9 is not" in refused.text
    calls.insert(1, await service.begin(interface, "later", 11))
    calls.append(await service.begin(interface, "as good", 10))
    upstream.let_go(4)
    await asyncio.gather(*calls)
    assert upstream.texts == ["runs", "of the policy", "as good", "later"]


async def test_who_has_no_good_key_waits_for_nothing(start, upstream):
    service = await start(1, history="off")
    running = await service.begin("openai", "runs")
    for interface in ("openai", "bedrock"):
        call = service.call(interface, "question") | {"headers": {"authorization": "Bearer sk-no"}}
        assert (await service.http.request(**call)).status_code in (401, 403)
    upstream.let_go()
    await running


async def test_the_interfaces_share_the_slots_of_a_model(start, upstream):
    service = await start(1, queue_length=0)
    running = await service.begin("openai", "runs")
    assert (await service.ask("bedrock", "question")).status_code == 429
    invoked = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "question"}],
        "priority": 0,
    }
    for action in ("invoke", "invoke-with-response-stream"):
        url = f"/bedrock/model/any-model/{action}"
        reply = await service.http.post(url, json=invoked, headers=bearer())
        assert reply.status_code == 429
        assert reply.headers["x-amzn-errortype"] == "ThrottlingException"
    upstream.let_go(3)
    await running
    reply = await service.http.post(
        "/bedrock/model/any-model/invoke", json=invoked, headers=bearer()
    )
    assert reply.status_code == 200 and "priority" not in upstream.asked[-1]
    assert service.admission.load() == {}


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/embeddings", "/v1/responses", "/v1/messages"]
)
async def test_calls_that_are_passed_through_wait_as_well(start, upstream, path):
    service = await start(1, queue_length=1)

    async def ask(text, **more):
        body = {"model": "any-model", "messages": [{"role": "user", "content": text}], **more}
        return await service.http.post(path, json=body, headers=bearer())

    calls = [await service.begin("openai", "runs")]
    calls.append(asyncio.create_task(ask("waits", priority=0)))
    await eventually(lambda: service.load.waiting == 1)
    assert (await ask("too much")).status_code == 429
    assert (await ask("no priority", priority="0")).status_code == 400
    upstream.let_go(2)
    assert [reply.status_code for reply in await asyncio.gather(*calls)] == [200, 200]
    assert upstream.texts == ["runs", "waits"] and "priority" not in upstream.asked[-1]

    call = asyncio.create_task(ask("leaves later"))
    await eventually(lambda: "leaves later" in upstream.texts)
    leaving = asyncio.create_task(ask("leaves"))
    await eventually(lambda: service.load.waiting == 1)
    leaving.cancel()
    await eventually(lambda: service.load.waiting == 0)
    call.cancel()
    await eventually(lambda: service.admission.load() == {})
    assert service.admission.load() == {}


async def test_without_limits_what_is_passed_through_is_left_alone(start, upstream):
    service = await start(None)
    upstream.let_go(1)
    body = {"model": "any-model", "messages": [{"role": "user", "content": "x"}], "priority": 1}
    assert (await service.http.post("/v1/completions", json=body, headers=bearer())).is_success
    assert upstream.asked == [body]
