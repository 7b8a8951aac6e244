"""Experiments from their start to their end, on several replicas, and who may do what to them."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from middleware.experiments.definition import digest
from tests.middleware.history.conftest import bearer
from tests.middleware.history.litellm import MASTER, MODEL

from .conftest import ADA, ADMIN, FILE, NAME, file, running

ARMS = FILE["routing"]["arms"]
PATHS = [
    ("PUT", f"/experiments/{NAME}"),
    ("GET", "/experiments"),
    ("GET", f"/experiments/{NAME}"),
    ("GET", f"/experiments/{NAME}/outcomes?limit=x"),
    ("GET", f"/experiments/{NAME}/pre"),
    ("POST", f"/experiments/{NAME}/ramp"),
    ("POST", f"/experiments/{NAME}/stop"),
    ("POST", f"/experiments/{NAME}/promote"),
]


async def arms_of(service, users, **fields):
    """The arm of each user, where he has one."""
    answers = await asyncio.gather(*(service.chat(user, **fields) for user in users))
    assert {answer.status_code for answer in answers} == {200}
    return {
        user: answer.headers.get("x-experiment-arm")
        for user, answer in zip(users, answers, strict=True)
    }


def users(count, prefix="user"):
    return [f"{prefix}-{number}" for number in range(count)]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_only_administrators_get_in(start, method, path):
    service = await start()
    for key, status in ((ADA, 403), ("sk-unknown", 401), (None, 401)):
        headers = bearer(key) if key else {}
        answer = await service.http.request(method, path, headers=headers, content=b"{no json")
        assert answer.status_code == status, answer.text
    assert (await service.get("/experiments")).json() == {"experiments": []}
    answer = await service.http.request(method, path, headers=bearer(ADMIN), content=b"{no json")
    assert answer.status_code not in (401, 403)


async def test_a_viewer_may_not_write(start, litellm):
    litellm.roles["root"] = "proxy_admin_viewer"
    service = await start()
    assert (await service.put(key=ADMIN)).status_code == 403


async def test_the_same_file_is_the_same_version(start):
    service = await start()
    first, again = await service.put(key=ADMIN), await service.put()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    told = (await service.get(f"/experiments/{NAME}")).json()
    assert told["document"] == FILE and told["digest"] == digest(FILE)
    assert (told["version"], told["state"], told["share"], told["arms"]) == (1, "running", 1.0, [])


async def test_a_changed_file_is_a_new_version_only_where_that_is_asked_for(service, database):
    changed = file(arms=[{**ARMS[0], "weight": 3}, ARMS[1]])
    answer = await service.put(changed)
    assert answer.status_code == 409 and "Version 1" in answer.json()["error"]["message"]
    await service.chat("ada")
    answer = await service.put(changed, new_version="true")
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    await service.chat("ada")
    assert [row["version"] for row in await service.outcomes()] == [2]
    assert [row["version"] for row in await service.outcomes(version=1)] == [1]
    old = (await service.get(f"/experiments/{NAME}", version=1)).json()
    assert (old["state"], old["reason"]) == ("stopped", "replaced by version 2")
    assert (await service.get(f"/experiments/{NAME}/outcomes", version=3)).status_code == 404


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (file(arms=ARMS[:1]), "routing.arms"),
        (file(arms=[ARMS[0], {"name": "b", "model": "no-such-model"}]), "no-such-model"),
        (file(arms=[ARMS[0], {**ARMS[1], "parameters": {"tools": []}}]), "tools"),
        (file(ramp=[0.5, 0.1]), "ramp"),
        ({"routing": None}, "routing"),
        ([], "routing"),
    ],
)
async def test_what_is_not_right_is_not_started(start, document, message):
    service = await start()
    answer = await service.http.put(f"/experiments/{NAME}", json=document, headers=bearer(MASTER))
    assert answer.status_code == 400 and message in answer.json()["error"]["message"]
    assert (await service.get("/experiments")).json() == {"experiments": []}


async def test_a_ramp_moves_nobody_out_of_treatment(start):
    service = await start()
    await service.put(file(ramp=[0.1, 0.5]))
    everybody = users(300)
    before = await arms_of(service, everybody)
    assert (await service.post(f"/experiments/{NAME}/ramp", {"share": 0.5})).status_code == 200
    after = await arms_of(service, everybody)
    taking = {user: arm for user, arm in before.items() if arm}
    assert 10 < len(taking) < 60 < sum(arm is not None for arm in after.values()) < 240
    assert all(after[user] == arm for user, arm in taking.items())
    for share in (0.4, 0.6, "x"):
        answer = await service.post(f"/experiments/{NAME}/ramp", {"share": share})
        assert answer.status_code == 400, answer.text


async def test_experiments_of_one_layer_share_no_unit_and_a_full_layer_takes_no_more(start):
    service = await start()
    for name in ("one", "two"):
        assert (await service.put(file(name=name, ramp=[0.4]))).status_code == 201
    answer = await service.put(file(name="three", ramp=[0.1, 0.3]))
    assert answer.status_code == 409 and "20%" in answer.json()["error"]["message"]
    assert (await service.put(file(name="beside", layer="other"))).status_code == 201
    everybody = users(150)

    async def taking(name):
        arms = await arms_of(service, everybody, model=f"experiment/{name}")
        return {user for user, arm in arms.items() if arm}

    one, two, beside = await taking("one"), await taking("two"), await taking("beside")
    assert one and two and not one & two and beside == set(everybody)
    await service.post("/experiments/one/stop", {"reason": "room is needed"})
    assert (await service.put(file(name="three", ramp=[0.1, 0.3]))).status_code == 201


async def test_replicas_and_restarts_say_the_same(start, litellm, postgres_url):
    first, second = await start(), await start()
    await first.put()
    everybody = users(40)
    # a replica that has not heard of it asks, and does not say that there is none
    said = await arms_of(second, everybody)
    assert set(said.values()) == {"control", "treatment"}
    assert await arms_of(first, everybody) == said
    async with running(litellm, postgres_url, {}) as restarted:
        assert await arms_of(restarted, everybody) == said


async def test_the_kill_switch_acts_on_all_replicas_within_five_seconds(start, litellm):
    first, second = await start(), await start()
    await first.put()
    everybody = users(20)
    await arms_of(second, everybody)
    answer = await first.post(f"/experiments/{NAME}/stop", {"reason": "it is too slow"})
    stopped = time.monotonic()
    assert (answer.json()["state"], answer.json()["reason"]) == ("stopped", "it is too slow")
    assert set((await arms_of(first, everybody)).values()) == {None}
    while set((await arms_of(second, everybody)).values()) != {None}:
        assert time.monotonic() - stopped < 5
        await asyncio.sleep(0.1)
    litellm.calls.clear()
    await arms_of(second, everybody)
    assert set(litellm.models()) == {MODEL}
    again = await first.post(f"/experiments/{NAME}/stop", {"reason": "another"})
    assert again.json()["reason"] == "it is too slow"


async def test_a_promoted_arm_serves_everybody(service, litellm):
    answer = await service.post(f"/experiments/{NAME}/promote", {"arm": "none"})
    assert answer.status_code == 400
    answer = await service.post(f"/experiments/{NAME}/promote", {"arm": "treatment"})
    assert (answer.json()["state"], answer.json()["promoted"]) == ("promoted", "treatment")
    assert set((await arms_of(service, users(5))).values()) == {None}
    assert set(litellm.models()) == {ARMS[1]["model"]}
    assert not await service.outcomes()
    stopped = await service.post(f"/experiments/{NAME}/stop", {"reason": "after all"})
    assert stopped.json()["promoted"] is None
    await service.chat("ada")
    assert litellm.models()[-1] == MODEL


async def test_only_the_audience_takes_part(start, litellm):
    service = await start()
    await service.put(file(audience={"teams": ["red"]}))
    inside, outside = await service.chat("x", key=ADA), await service.chat("x", key=MASTER)
    assert "x-experiment-arm" in inside.headers
    assert "x-experiment-arm" not in outside.headers and outside.headers["x-experiment"] == NAME
    assert "cache" not in litellm.calls[-1][1]
    assert len(await service.outcomes()) == 1


async def test_counts_and_pages(service):
    for user in users(7):
        await service.chat(user)
    rows = await service.outcomes()
    pages, after = [], 0
    while True:
        page = await service.get(f"/experiments/{NAME}/outcomes", after=after, limit=3)
        pages += page.text.splitlines()
        if "x-next" not in page.headers:
            break
        after = int(page.headers["x-next"])
    assert len(pages) == len(rows) == 7
    arms = (await service.get(f"/experiments/{NAME}")).json()["arms"]
    for arm in arms:
        mine = [row for row in rows if row["arm"] == arm["arm"]]
        assert arm["exposures"] == arm["outcomes"] == arm["units"] == len(mine)


async def test_what_units_had_before(service):
    for _ in range(3):
        await service.chat("ada")
    await service.outcomes()
    weighted = [{**arm, "weight": 2.0} for arm in ARMS]
    await service.put(file(arms=weighted), new_version="true")
    await service.chat("ada")
    await service.chat("bob")
    answer = await service.get(f"/experiments/{NAME}/pre", days=1)
    (line,) = answer.text.splitlines()
    assert '"calls":3' in line and '"cost_usd":0.000125' in line


async def test_an_experiment_of_a_newer_release_takes_no_other_with_it(start, database):
    first, second = await start(), await start()
    await first.put()
    await arms_of(second, users(2))
    document = json.dumps(file(name="newer", unheard_of=1))
    await database.execute(
        "INSERT INTO experiments (name, version, digest, document, share, taken_from, reserved, layer) "
        "VALUES ('newer', 1, '', $1, 1, 0, 1, 'other')",
        document,
    )
    answer = await second.chat("ada", model="experiment/newer")
    assert answer.status_code == 503 and answer.headers["retry-after"]
    await first.post(f"/experiments/{NAME}/stop", {"reason": "it is over"})
    while set((await arms_of(second, users(2))).values()) != {None}:
        await asyncio.sleep(0.1)
