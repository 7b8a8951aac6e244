"""Experiments of a real service, from the workbench's side: its client, the watch, the commands."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest
import yaml

from gateway_lib.errors import ExperimentRefused, GatewayUnreachable
from gateway_lib.experiments.file import Experiment, parse
from gateway_lib.experiments.live import Live
from gateway_lib.experiments.traffic import Crowd, send
from gateway_lib.experiments.watching import MOST_MISSED, look, watch
from gateway_lib.settings import Settings, settings_of
from tests.middleware.experiments.conftest import (  # noqa: F401
    ADA,
    Service,
    bearer,
    litellm,
    redis_url,
    start,
)
from tests.middleware.history.litellm import BEDROCK_MODEL, MASTER, MODEL, PRICE

DOCUMENT: dict[str, Any] = {
    "hypothesis": "The other model is cheaper.",
    "routing": {
        "name": "tried",
        "arms": [
            {"name": "control", "model": MODEL},
            {"name": "treatment", "model": BEDROCK_MODEL},
        ],
        "ramp": [0.5, 1.0],
    },
    "primary": {"metric": "cost", "mde": 0.1, "baseline": 0.001, "deviation": 0.001},
    "guardrails": [{"metric": "errors", "margin": 0.05, "stops": True}],
}


@pytest.fixture
def wanted() -> Experiment:
    return parse(DOCUMENT, "test")


@pytest.fixture
async def service(start) -> Service:  # noqa: F811
    return await start()


@pytest.fixture
def known(service) -> Settings:
    url = str(service.http.base_url)
    return settings_of(
        {"GATEWAY_BASE_URL": url, "GATEWAY_MASTER_KEY": MASTER, "GATEWAY_API_KEY": ADA}
    )


async def called(service: Service, users: int, name: str = "tried", **more: Any) -> list[Any]:
    answers = []
    for number in range(users):
        body = {
            "model": f"experiment/{name}",
            "user": f"user-{number}",
            "messages": [{"role": "user", "content": "hello"}],
            **more,
        }
        answers.append(
            await service.http.post("/v1/chat/completions", json=body, headers=bearer(ADA))
        )
    return answers


async def in_thread(work: Any) -> Any:
    """What waits for the service without an event loop of its own."""
    return await asyncio.to_thread(work)


async def test_an_experiment_is_started_ramped_and_promoted(
    service,
    known,
    wanted,
    litellm,  # noqa: F811
):
    def lives() -> None:
        with Live(known) as live:
            with pytest.raises(ExperimentRefused, match="experiment 'tried'"):
                live.status("tried")
            assert live.start(wanted)["version"] == live.start(wanted)["version"] == 1
            assert live.started("tried") == (wanted, 1)
            assert live.status("tried")["digest"] == wanted.digest
            assert [each["name"] for each in live.list()] == ["tried"]
            assert live.ramp("tried", 1.0)["share"] == 1.0
            with pytest.raises(ExperimentRefused, match="share must be between"):
                live.ramp("tried", 0.2)
            other = wanted.model_copy(update={"hypothesis": "Another one."})
            with pytest.raises(ExperimentRefused, match="is running, and this file differs"):
                live.start(other)
            assert live.start(other, new_version=True)["version"] == 2
            with pytest.raises(ExperimentRefused, match="There is no arm"):
                live.promote("tried", "nobody")
            told = live.promote("tried", "treatment")
            assert (told["state"], told["promoted"]) == ("promoted", "treatment")

    await in_thread(lives)
    answers = await called(service, 5)
    assert {answer.status_code for answer in answers} == {200}
    assert litellm.models() == [BEDROCK_MODEL] * 5


async def test_outcomes_come_page_by_page_with_their_feedback(service, known, wanted):

    def begin() -> None:
        with Live(known) as live:
            live.start(wanted)
            live.ramp("tried", 1.0)

    await in_thread(begin)
    answers = await called(service, 20)
    for answer in answers:
        body = {"request_id": answer.headers["x-request-id"], "name": "thumb", "value": True}
        told = await service.post("/experiments/feedback", body, key=ADA)
        assert told.status_code == 200, told.text
    await asyncio.sleep(0.3)
    pages: list[int] = []

    def fetched() -> Any:
        with Live(known, page=7) as live:
            return live.outcomes("tried", told=pages.append)

    frame = await in_thread(fetched)
    assert len(pages) == 3 and len(frame) == 20
    assert frame["request_id"].nunique() == frame["unit"].nunique() == 20
    assert (frame["cost_usd"] == PRICE).all() and (frame["feedback.thumb"] == 1).all()
    assert {a.headers["x-request-id"] for a in answers} == set(frame["request_id"])


async def test_what_units_had_before_is_a_covariate(service, known):
    earlier = json.loads(json.dumps(DOCUMENT))
    earlier["routing"] |= {"name": "earlier", "ramp": [1.0], "layer": "another"}
    later = {**DOCUMENT, "analysis": {"pre_period_days": 7}}
    later["routing"] = {**DOCUMENT["routing"], "ramp": [1.0]}

    def started(document: dict[str, Any]) -> Any:
        with Live(known) as live:
            return live.start(parse(document, "test"))

    await in_thread(lambda: started(earlier))
    await called(service, 6, "earlier")
    await asyncio.sleep(0.3)
    await in_thread(lambda: started(later))
    await called(service, 9)
    await asyncio.sleep(0.3)

    def before() -> Any:
        with Live(known) as live:
            frame = live.outcomes("tried")
            return (
                frame,
                live.before("tried", frame),
                live.before("earlier", live.outcomes("earlier")),
            )

    frame, pre, none = await in_thread(before)
    assert none is None, "it wants no days"
    assert len(pre) == 6 and set(pre.index) < set(frame["unit"])
    assert (pre["cost_usd"] == PRICE).all() and (pre["latency_ms"] > 0).all()


async def test_what_units_had_before_is_from_before_the_version_that_is_analysed(service, known):
    document = {**DOCUMENT, "analysis": {"pre_period_days": 7}}
    document["routing"] = {**DOCUMENT["routing"], "ramp": [1.0]}

    async def begin(**changed: Any) -> None:
        answer = await service.put({**document, **changed}, new_version="true")
        assert answer.status_code == 201, answer.text

    def before(version: int) -> Any:
        with Live(known) as live:
            return live.before("tried", live.outcomes("tried", version=version))

    await begin()
    await called(service, 5)
    await service.outcomes("tried")
    await begin(hypothesis="Another one.")
    await called(service, 8)
    await service.outcomes("tried")
    assert await in_thread(lambda: before(1)) is None, "nobody had called before the first"
    assert len(await in_thread(lambda: before(2))) == 5


class Relay:
    """A port before the service that can be closed, as a gateway that restarts is."""

    def __init__(self, service: Service) -> None:
        self._to = service.http.base_url
        self._server: asyncio.Server | None = None
        self._open: list[asyncio.StreamWriter] = []
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served, asked = await asyncio.open_connection(self._to.host, self._to.port)
        self._open += [asked, writer]
        await asyncio.gather(_copied(reader, asked), _copied(served, writer))


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_a_watch_goes_on_when_the_gateway_was_away(service, known, wanted):
    relay, loop = Relay(service), asyncio.get_running_loop()
    await relay.open()
    behind = known.model_copy(update={"base_url": f"http://127.0.0.1:{relay.port}"})
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        step = {1: relay.close, MOST_MISSED: relay.open, MOST_MISSED + 1: relay.close}
        if act := step.get(len(pauses)):
            asyncio.run_coroutine_threadsafe(act(), loop).result()

    def watched() -> list[Any]:
        seen = []
        with pytest.raises(GatewayUnreachable):
            for found in watch(live, "tried", every_s=1.0, pause=pause):
                seen.append(found.state)
        return seen

    with Live(behind) as live:
        await in_thread(lambda: live.start(wanted))
        assert await in_thread(watched) == ["running", "running"]
    assert len(pauses) == 2 * MOST_MISSED


async def test_a_guardrail_that_is_shown_violated_ends_the_experiment(
    service,
    known,
    wanted,
    litellm,  # noqa: F811
):
    def begin() -> None:
        with Live(known) as live:
            live.start(wanted)
            live.ramp("tried", 1.0)
            assert look(live, "tried").analysis is None

    await in_thread(begin)
    litellm.fails_for = BEDROCK_MODEL
    await called(service, 160)
    await asyncio.sleep(0.3)

    def watched() -> Any:
        with Live(known) as live:
            return list(watch(live, "tried", every_s=0.0))

    looks = await in_thread(watched)
    assert [each.stopped_for for each in looks] == [("errors of treatment",)]
    assert "stopped, as shown violated: errors of treatment" in looks[0].words()
    assert (await service.get("/experiments/tried")).json()["reason"].startswith("guardrail shown")
    answers = await called(service, 10)
    assert {answer.status_code for answer in answers} == {200}  # by the control, all of them


async def test_simulated_users_call_with_both_sdks_and_say_what_they_think(
    service,
    known,
    litellm,  # noqa: F811
):
    document = {**DOCUMENT, "routing": {**DOCUMENT["routing"], "ramp": [1.0]}}
    assert (await service.put(document)).status_code == 201
    crowd = Crowd(users=12, calls=3, concurrency=6)
    frame = await send("experiment/tried", crowd, known, quiet=True)
    assert frame["error"].isna().all() and (frame["status"] == 200).all()
    assert (frame["feedback"] == 200).all() and (frame.groupby("user")["arm"].nunique() == 1).all()
    rows = await service.outcomes("tried")
    assert {row["request_id"] for row in rows} == set(frame["request_id"])
    assert {row["status"] for row in rows} == {200} and all(
        "feedback.correct" in row for row in rows
    )
    assert {(row["interface"], row["streamed"]) for row in rows} == set(
        zip(frame["interface"], frame["streamed"], strict=True)
    )
    litellm.fails_for = BEDROCK_MODEL
    failed = await send("experiment/tried", crowd, known, quiet=True)
    of_it = failed["arm"] == "treatment"
    assert of_it.any() and failed[of_it]["error"].notna().all()
    assert failed[of_it]["correct"].isna().all() and failed[~of_it]["error"].isna().all()


async def test_who_may_not_is_told_so_without_a_key(known, wanted):
    def refused() -> str:
        with (
            Live(known.model_copy(update={"master_key": known.api_key})) as live,
            pytest.raises(ExperimentRefused) as told,
        ):
            live.start(wanted)
        return str(told.value)

    said = await in_thread(refused)
    assert "administrators" in said and ADA not in said


def test_nobody_there_is_one_clear_line(wanted):
    away = settings_of({"GATEWAY_BASE_URL": "http://127.0.0.1:9", "GATEWAY_MASTER_KEY": "sk-x"})
    with Live(away) as live, pytest.raises(GatewayUnreachable, match=r"^PUT /experiments/tried: "):
        live.start(wanted)


async def test_every_command(service, known, tmp_path):
    environment = {
        **{name: value for name, value in os.environ.items() if "GATEWAY" not in name},
        "GATEWAY_BASE_URL": known.gateway(),
        "GATEWAY_MASTER_KEY": MASTER,
        "GATEWAY_API_KEY": ADA,
        "GATEWAY_RUNS_DIR": str(tmp_path / "runs"),
    }
    document = json.loads(json.dumps(DOCUMENT))
    for arm, model in zip(document["routing"]["arms"], ("gpt-4o", "gpt-4o-mini"), strict=True):
        arm["model"] = model
    (tmp_path / "tried.yaml").write_text(yaml.safe_dump(document))

    async def gateway(*arguments: str, status: int = 0) -> Any:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "gateway_lib", "experiment", *arguments],
            env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr and MASTER not in done.stdout + done.stderr
        if status:
            assert done.stdout == "" and done.stderr.startswith("gateway: ")
            return done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    assert (await gateway("plan", "tried.yaml", "--json"))["units"] > 0
    assert "units of all arms" in await gateway("plan", "tried.yaml", "--units-per-day", "100")
    assert "has no model 'gpt-4o'" in await gateway("start", "tried.yaml", status=1)
    assert await gateway("status", "--json") == []
    with_models = {**DOCUMENT, "routing": {**DOCUMENT["routing"], "ramp": [1.0]}}
    answer = await service.put(with_models)
    assert answer.status_code == 201, answer.text
    assert (await gateway("status", "tried", "--json"))["state"] == "running"
    assert "nothing to analyse" in await gateway("analyse", "tried", status=1)
    await called(service, 130)
    await asyncio.sleep(0.3)
    found = await gateway("analyse", "tried", "--json")
    assert (
        found["verdict"]["decision"] == "cannot tell yet" and sum(found["n_units"].values()) == 130
    )
    folder = tmp_path / "runs" / found["run"]
    assert {"memo.html", "records.parquet", "report.html", "manifest.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert "Cannot tell yet" in await gateway("analyse", found["run"])
    for command in ("analyse", "memo"):
        told = await gateway(command, found["run"], "--version", "1", status=1)
        assert "--version is for an experiment of a gateway" in told
    assert "Cannot tell yet: m.html" in await gateway("memo", str(folder), "--out", "m.html")
    assert (tmp_path / "m.html").read_text().startswith("<!DOCTYPE html>")
    assert (await gateway("watch", "tried", "--once", "--json"))["state"] == "running"
    assert "share must be between" in await gateway("ramp", "tried", "0.5", status=1)
    assert (await gateway("stop", "tried", "--reason", "enough", "--json"))["reason"] == "enough"
    assert "stopped: enough" in await gateway("status", "tried")
    told = await gateway("promote", "tried", "treatment", "--json")
    assert (told["state"], told["promoted"]) == ("promoted", "treatment")
    assert "experiment 'absent'" in await gateway("status", "absent", status=1)
    assert "No such file" in await gateway("plan", "absent", status=1)
