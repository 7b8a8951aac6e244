"""AWS, a registry and a checkout for the tests of `gateway deploy`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest

from gateway_lib.local import ports
from tests.conftest import wait_until
from tests.deploy.driver.bench import ACCESS, Bench, checkout, set_up
from tests.deploy.driver.servers import ModelAccess, Registry


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory):
    """A moto server of its own: STS, ACM, Secrets Manager, CloudFormation, S3, quotas."""
    port, log = ports.choose(), tmp_path_factory.mktemp("moto") / "log"
    program = Path(sys.executable).with_name("moto_server")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)],
            env={**os.environ, "MOTO_ACM_VALIDATION_WAIT": "0"},
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urlopen(f"{url}/moto-api/data.json", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        wait_until(answers, 60)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def moto(moto_url):
    """The same, empty."""
    urlopen(Request(f"{moto_url}/moto-api/reset", method="POST"), timeout=10).close()
    return moto_url


@pytest.fixture
def aws(moto):
    """Clients of the moto server."""

    def client(service: str):
        return boto3.client(
            service,
            endpoint_url=moto,
            region_name="us-east-1",
            aws_access_key_id=ACCESS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ACCESS["AWS_SECRET_ACCESS_KEY"],
        )

    return client


@pytest.fixture
def registry():
    server = Registry()
    yield server
    server.close()


@pytest.fixture
def models():
    server = ModelAccess()
    yield server
    server.close()


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("source"))


@pytest.fixture
def certificate(aws):
    """An issued certificate for *.example.com."""
    acm = aws("acm")
    arn = acm.request_certificate(DomainName="*.example.com", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    deadline = time.monotonic() + 90
    while acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] != "ISSUED":
        assert time.monotonic() < deadline, "moto issues certificates within a minute"
        time.sleep(0.2)
    return arn


@pytest.fixture
def bench(tmp_path, moto, registry, models, source, certificate) -> Bench:
    """A checkout, the stand-ins on PATH, and all that the preflight asks for in order."""
    made = set_up(tmp_path, moto, registry.host, f"http://{models.host}", source)
    made.variables["CERTIFICATE_ARN"] = certificate
    yield made
    shutil.rmtree(made.root, ignore_errors=True)
