"""Both images, the world outside of them, and the containers that run in it."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import certifi
import httpx
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

from .container import Container

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
                f"{Path(__file__).parents[1] / 'readonly'}:" + (environment["PYTHONPATH"])
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
