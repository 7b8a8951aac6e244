"""The containers of the gateway as processes on this machine.

Their environment is what the manifest, the addons and the Dockerfiles give them, to the letter; a variable
that is missing there is missing here. PostgreSQL and Redis are spoken to over TLS and ask for passwords. Only
the world outside is another: free ports, an authority of our own among those that are trusted, and the
simulator where OpenAI and Amazon Bedrock would be.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import certifi
import httpx
import psycopg
import pytest
import trustme

from gateway_lib.local import State, ports, prisma
from gateway_lib.local.component import Process
from gateway_lib.local.http import answers
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from gateway_lib.local.stack import _simulator
from tests.conftest import wait_until
from tests.deploy import tree
from tests.deploy.conftest import VARIABLES
from tests.deploy.dockerfile import read
from tests.deploy.rehearsal import Rehearsal
from tests.deploy.tls_front import TlsFront

pytestmark = pytest.mark.timeout(900)  # LiteLLM takes its time, and more of it on a busy machine

MODEL, BEDROCK_MODEL = "gpt-4o-mini", "us.anthropic.claude-haiku-4-5-20251001-v1:0"
READ_ONLY = 2
"""The middleware to which the file system is read-only, as the manifest says for production."""
BUCKET = "genai-gateway-dev-call-logs"


@dataclass
class Outside:
    """What the containers find outside of themselves."""

    account: tree.Account
    postgres: Postgres
    database: TlsFront
    redis: TlsFront
    authority: Path
    simulator: str
    host: str


@dataclass
class Container:
    """A process as its container would run it."""

    command: list[str]
    environment: dict[str, str]
    folder: Path
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> int:
        """What ECS does to end it; returns the status."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return status

    def run_to_end(self, seconds: float) -> int:
        self.start()
        assert self.process
        return self.process.wait(seconds)


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the images where this machine has it, else that of the tests."""
    found = subprocess.run(
        [Path(sys.executable).with_name("uv"), "python", "find", "--no-python-downloads", "3.12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(found.stdout.strip() or sys.executable).parent


@pytest.fixture(scope="module")
def images(
    repository: Path, docker: Path, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Rehearsal]:
    """Both images, made by the steps of their Dockerfiles."""
    made = {}
    for name, base in (("middleware", python), ("litellm", Path(sys.executable).parent)):
        root = tmp_path_factory.mktemp(name)
        made[name] = Rehearsal(read(docker / f"{name}.Dockerfile"), repository, root, base)
        if name == "litellm":  # its base has Python under this name
            made[name].base = _named_python3(root / "base", base)
        made[name].build()
    return made


def _named_python3(folder: Path, base: Path) -> Path:
    folder.mkdir()
    for name in ("python3", "litellm"):
        program = base / ("python" if name == "python3" else name)
        (folder / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def outside(copilot: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    template = tree.addons(copilot / "environments" / "addons")
    # a loopback address of our own, on which the ports are those of the templates
    host = f"127.77.{secrets.randbelow(250)}.{1 + secrets.randbelow(250)}"
    cluster = template["Resources"]["DatabaseCluster"]["Properties"]
    group = template["Resources"]["Redis"]["Properties"]
    attributes = {
        "DatabaseCluster.Endpoint.Address": host,
        "DatabaseCluster.Endpoint.Port": str(cluster["Port"]),
        "Redis.PrimaryEndPoint.Address": host,
        "Redis.PrimaryEndPoint.Port": str(group["Port"]),
        "AWS::Region": "us-east-1",
    }
    account = tree.Account(template, attributes, "dev")
    account.secrets["ProviderKeys"] = json.dumps(_provider_keys(template))

    folder = tmp_path_factory.mktemp("outside")
    authority = trustme.CA(organization_name="a test of the deployment tree")
    server = authority.issue_cert(host)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    for blob in server.cert_chain_pems:
        blob.write_to_path(folder / "chain.pem", append=True)

    state = State(folder / "state")
    state.create()
    assert account.secret("DatabaseSecret", "username") == "gateway"  # as Postgres calls its user
    postgres = Postgres(state, ports.choose(), account.secret("DatabaseSecret", "password"))
    redis = Redis(state, ports.choose([postgres.port]), account.secret("RedisSecret", "password"))
    simulator = _simulator(state, ports.choose([postgres.port, redis.port]))
    pair = (folder / "chain.pem", folder / "key.pem")
    with ExitStack() as started:
        for component in (postgres.component(), redis.component(), simulator):
            if component.prepare:
                component.prepare()
            process = Process(component, state.logs / f"{component.name}.log")
            started.callback(lambda p=process: p.reap(time.monotonic() + 10))
            started.callback(process.ask_to_stop)
            wait_until(component.ready)
        database = TlsFront((host, cluster["Port"]), ("127.0.0.1", postgres.port), *pair, asks=True)
        cache = TlsFront((host, group["Port"]), ("127.0.0.1", redis.port), *pair, asks=False)
        started.callback(database.close)
        started.callback(cache.close)
        # the cluster comes with one database; the other one is for the middleware to make
        postgres.ensure_database(cluster["DatabaseName"])
        yield Outside(
            account,
            postgres,
            database,
            cache,
            folder / "authority.pem",
            f"http://127.0.0.1:{simulator.port}",
            host,
        )


def _provider_keys(template: Mapping[str, object]) -> dict[str, str]:
    """The secret as it is filled where OpenAI's key alone is given: every key there, the rest empty."""
    exports = [
        str(output["Value"]["Fn::Sub"]).split(":")[1]
        for name, output in template["Outputs"].items()
        if name.startswith("ProviderKeys") and "Fn::Sub" in output["Value"]
    ]
    return {name: "sk-a-provider" if name == "OPENAI_API_KEY" else "" for name in exports}


@pytest.fixture(scope="module")
def environments(
    copilot: Path, outside: Outside, images: Mapping[str, Rehearsal]
) -> Mapping[str, dict[str, str]]:
    """By container, the image's variables and the manifest's over them."""
    gateway = tree.manifest(copilot / "gateway" / "manifest.yml", "dev", VARIABLES)
    shared = tree.outputs(tree.addons(copilot / "gateway" / "addons"), {"CallLogs": BUCKET})
    parts = {"middleware": gateway, "litellm": gateway["sidecars"]["litellm"]}
    found = {}
    for name, part in parts.items():
        own = tree.container(part, outside.account)
        found[name] = {**images[name].environment(), **shared, **own}
    return found


@pytest.fixture(scope="module")
def running(
    environments: Mapping[str, dict[str, str]],
    images: Mapping[str, Rehearsal],
    outside: Outside,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Container]]:
    """LiteLLM and two middlewares, which start on an empty server at once."""
    folder = tmp_path_factory.mktemp("running")
    bundle = folder / "trusted.pem"
    own = outside.authority.read_text()
    bundle.write_text(Path(certifi.where()).read_text() + own)
    for image in images.values():  # the authorities in the images are Amazon's; ours is one more
        file = image.root / "gateway" / "rds.pem"
        file.write_text(file.read_text() + own)
    listening = [ports.choose()]
    for _ in range(2):
        listening.append(ports.choose(listening))
    world = {
        "SSL_CERT_FILE": str(bundle),
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TMPDIR": str(folder),
    }
    engine = prisma.prepare()
    litellm = Container(
        [each.replace("4000", str(listening[0])) for each in images["litellm"].command()],
        {
            **environments["litellm"],
            **world,
            **engine.environment,
            "OPENAI_API_BASE": f"{outside.simulator}/openai/v1",
            "AWS_BEDROCK_RUNTIME_ENDPOINT": f"{outside.simulator}/bedrock",
        },
        images["litellm"].folder,
        folder / "litellm.log",
    )
    # the official image's LiteLLM migrates its database itself, with the same files
    password = outside.account.secret("DatabaseSecret", "password")
    name = environments["litellm"]["DATABASE_NAME"]
    tls = f"sslmode=verify-full&sslrootcert={outside.authority}"
    assert prisma.migrate(f"postgresql://gateway:{password}@{outside.host}/{name}?{tls}")
    started = {"litellm": litellm}
    for number in (1, 2):
        environment = {
            **environments["middleware"],
            **world,
            "MIDDLEWARE_LITELLM_URL": f"http://127.0.0.1:{listening[0]}",
            "MIDDLEWARE_PORT": str(listening[number]),
        }
        if number == READ_ONLY:
            environment["PYTHONPATH"] = (
                f"{Path(__file__).parent / 'readonly'}:" + (environment["PYTHONPATH"])
            )
        started[f"middleware-{number}"] = Container(
            images["middleware"].command(),
            environment,
            images["middleware"].folder,
            folder / f"middleware-{number}.log",
        )
    for each in started.values():
        each.start()
    try:
        for number in (1, 2):
            url = f"http://127.0.0.1:{listening[number]}/readyz"
            wait_until(lambda url=url: answers(url) or _ended(started), 300)
        _ended(started)
        yield started
    finally:
        for each in reversed(started.values()):
            each.stop()


def _ended(started: Mapping[str, Container]) -> bool:
    for name, each in started.items():
        assert each.process
        assert each.process.poll() is None, f"{name}: {each.log.read_text()[-3000:]}"
    return False


@pytest.fixture(scope="module")
def doors(running: Mapping[str, Container]) -> Iterator[list[httpx.Client]]:
    """A client of each middleware, with the administrator's key as AWS would have made it."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(_door(running[f"middleware-{number}"].environment))
            for number in (1, 2)
        ]


def _door(environment: Mapping[str, str]) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{environment['MIDDLEWARE_PORT']}",
        headers={"authorization": f"Bearer {environment['MIDDLEWARE_LITELLM_KEY']}"},
        timeout=60,
        trust_env=False,
    )


def test_the_keys_are_such_as_litellm_takes(environments):
    litellm, middleware = environments["litellm"], environments["middleware"]
    master = litellm["LITELLM_MASTER_KEY"]
    assert master.startswith("sk-") and len(master) >= 48
    assert master == middleware["MIDDLEWARE_LITELLM_KEY"]
    assert litellm["LITELLM_SALT_KEY"] != master and len(litellm["LITELLM_SALT_KEY"]) >= 48
    assert litellm["DATABASE_PASSWORD"] == middleware["MIDDLEWARE_DATABASE_PASSWORD"]
    assert litellm["DATABASE_NAME"] != middleware["MIDDLEWARE_DATABASE_NAME"]


def test_a_chat_completion_and_a_converse_are_answered(doors):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "echo: over TLS"}]}
    chat = doors[0].post("/v1/chat/completions", json=asked)
    assert chat.status_code == 200, chat.text
    assert "over TLS" in chat.json()["choices"][0]["message"]["content"]
    turn = {"messages": [{"role": "user", "content": [{"text": "echo: to Bedrock"}]}]}
    converse = doors[1].post(f"/bedrock/model/{BEDROCK_MODEL}/converse", json=turn)
    assert converse.status_code == 200, converse.text
    assert "to Bedrock" in converse.json()["output"]["message"]["content"][0]["text"]


def test_a_conversation_begun_at_one_task_goes_on_at_the_other(doors):
    first = {"model": MODEL, "messages": [{"role": "user", "content": "I am called Ada."}]}
    begun = doors[0].post("/v1/chat/completions", json={**first, "enable_history": True})
    session = begun.headers["x-session-id"]
    second = {"model": MODEL, "messages": [{"role": "user", "content": "echo: again"}]}
    went_on = doors[1].post("/v1/chat/completions", json={**second, "session_id": session})
    assert went_on.status_code == 200, went_on.text
    assert went_on.headers["x-session-id"] == session


def test_the_file_system_may_be_read_only(copilot, running, doors):
    production = tree.manifest(copilot / "gateway" / "manifest.yml", "prod", VARIABLES)
    assert production["storage"]["readonly_fs"] is True
    guarded = running[f"middleware-{READ_ONLY}"]
    attempt = "open('/tmp/anything', 'w')"
    done = subprocess.run(
        [guarded.command[0], "-c", attempt], env=guarded.environment, capture_output=True, text=True
    )
    assert "Read-only file system" in done.stderr  # so that it would have failed
    big = {"model": MODEL, "messages": [{"role": "user", "content": "long " * 400_000}]}
    answer = doors[READ_ONLY - 1].post("/v1/chat/completions", json=big)
    assert answer.status_code in (200, 400), (
        answer.text
    )  # the model's window may be too small for it
    assert "Read-only" not in guarded.log.read_text()


def test_nothing_went_in_the_clear(running, doors, outside):
    assert outside.database.refused == outside.redis.refused == 0
    assert outside.database.encrypted > 2
    assert outside.redis.encrypted > 0


def test_readiness_tells_the_hash_of_the_committed_configuration(doors):
    from gateway_lib.config import digest, load

    ready = doors[0].get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["config_hash"] == digest(load("aws", {}))


def test_both_databases_were_migrated(running, outside):
    for name, table in (("litellm", "LiteLLM_VerificationToken"), ("middleware", "sessions")):
        with psycopg.connect(outside.postgres.url(name)) as connection:
            found = connection.execute("SELECT 1 FROM pg_tables WHERE tablename = %s", [table])
            assert found.fetchone(), f"{name}.{table}"


def test_the_master_key_is_in_no_log_and_no_row(running, doors, outside, environments):
    """LiteLLM hashes a key for its records only where the key begins with `sk-`."""
    key = environments["litellm"]["LITELLM_MASTER_KEY"]
    test_a_chat_completion_and_a_converse_are_answered(doors)
    with psycopg.connect(outside.postgres.url("litellm")) as connection:

        def booked() -> list[tuple[str]]:
            return connection.execute('SELECT t::text FROM "LiteLLM_SpendLogs" t').fetchall()

        wait_until(lambda: len(booked()) >= 2, 90)
        assert not [row for row in booked() if key in row[0]]
    for each in running.values():
        assert key not in each.log.read_text()


@pytest.mark.parametrize("name", ["middleware", "litellm"])
def test_the_health_check_of_the_manifest_tells_life_from_death(copilot, running, images, name):
    gateway = tree.manifest(copilot / "gateway" / "manifest.yml", "dev", VARIABLES)
    parts = {"middleware": gateway["image"], "litellm": gateway["sidecars"]["litellm"]}
    kind, *words = parts[name]["healthcheck"]["command"]
    assert kind == "CMD"
    one = running["middleware-1" if name == "middleware" else name]
    listens = running["middleware-1"].environment["MIDDLEWARE_LITELLM_URL"].rpartition(":")[2]
    for port, own, status in ((listens, {}, 0), ("9", {"MIDDLEWARE_PORT": "9"}, 1)):
        placed = [images[name].placed(word).replace("4000", port) for word in words]
        done = subprocess.run(placed, env={**one.environment, **own}, cwd=one.folder, timeout=30)
        assert done.returncode == status, port


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("middleware", "MIDDLEWARE_LITELLM_KEY"),
        ("middleware", "MIDDLEWARE_DATABASE_HOST"),
    ],
)
def test_without_what_it_needs_a_middleware_does_not_start(running, name, missing, tmp_path):
    whole = running[f"{name}-1"]
    less = {k: v for k, v in whole.environment.items() if k != missing}
    alone = Container(whole.command, less, whole.folder, tmp_path / "log")
    assert alone.run_to_end(30) != 0
    assert missing.removeprefix("MIDDLEWARE_").lower() in alone.log.read_text()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MIDDLEWARE_DATABASE_CA", ""),  # the system's authorities, of which ours is one: see below
        ("MIDDLEWARE_DATABASE_PASSWORD", "another"),
        ("MIDDLEWARE_DATABASE_TLS", "false"),
    ],
)
def test_a_database_that_is_not_what_it_should_be_is_not_used(running, variable, value, tmp_path):
    whole = running["middleware-1"]
    port = ports.choose()
    changed = {**whole.environment, variable: value, "MIDDLEWARE_PORT": str(port)}
    if variable == "MIDDLEWARE_DATABASE_CA":
        changed["SSL_CERT_FILE"] = certifi.where()
    other = Container(whole.command, changed, whole.folder, tmp_path / "log")
    other.start()
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/livez"))
        time.sleep(1.5)
        said = httpx.get(f"{url}/readyz", trust_env=False)
        assert said.status_code == 503
        assert said.json()["database"] == "disconnected"
    finally:
        other.stop()


def test_a_reference_that_was_not_resolved_is_no_key(running, tmp_path):
    reference = "sk-{{resolve:secretsmanager:arn:SecretString:key}}"
    for name, variable in (
        ("middleware-1", "MIDDLEWARE_LITELLM_KEY"),
        ("litellm", "LITELLM_MASTER_KEY"),
    ):
        whole = running[name]
        changed = {**whole.environment, variable: reference}
        other = Container(whole.command, changed, whole.folder, tmp_path / f"{name}.log")
        assert other.run_to_end(30) != 0
        assert "reference" in other.log.read_text()
