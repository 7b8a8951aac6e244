"""A night's evaluation against the live stack, its run folders in an S3 that listens here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import wait_until
from tests.lib.runs.conftest import write_notebook

pytestmark = pytest.mark.timeout(600)

BUCKET = "runs-of-the-night"
COMMAND = [sys.executable, "-m", "gateway_lib.evaluation"]


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",
    )
    client.create_bucket(Bucket=BUCKET)
    yield url, client
    client.close()
    server.stop()


@pytest.fixture
def environment(stack, s3):
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "GATEWAY_BASE_URL": stack.environment["GATEWAY_BASE_URL"],
        "GATEWAY_MASTER_KEY": stack.environment["GATEWAY_MASTER_KEY"],
        "EVALUATION_NOTEBOOKS": "00_quickstart",
        "EVALUATION_BUDGET": "3.5",
        "RUNS_BUCKET": BUCKET,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_ENDPOINT_URL_S3": s3[0],
    }


def aliases(stack) -> list[str]:
    answer = httpx.get(
        f"{stack.environment['GATEWAY_BASE_URL']}/key/list",
        params={"return_full_object": "true", "size": 100},
        headers={"authorization": f"Bearer {stack.environment['GATEWAY_MASTER_KEY']}"},
        trust_env=False,
        timeout=30,
    )
    return [str(key.get("key_alias")) for key in answer.json()["keys"]]


def kept(client) -> dict[str, str]:
    """Types by key of what is in the bucket."""
    listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    names = [each["Key"] for each in listed]
    return {n: client.head_object(Bucket=BUCKET, Key=n)["ContentType"] for n in names}


def test_the_run_folders_are_in_the_bucket_and_the_key_is_gone(environment, stack, s3):
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    found = kept(s3[1])
    (night,) = {name.split("/")[1] for name in found}
    assert not [name for name in found if "/." in name]
    (manifest,) = [name for name in found if name.endswith("/manifest.json")]
    run = manifest.split("/")[2]
    for file, kind in (
        (f"nights/{night}/index.html", "text/html"),
        (f"nights/{night}/{run}/report.html", "text/html"),
        (f"nights/{night}/{run}/summary.json", "application/json"),
        (f"nights/{night}/{run}/figures/token-arrivals.png", "image/png"),
    ):
        assert found[file] == kind
    told = json.loads(s3[1].get_object(Bucket=BUCKET, Key=manifest)["Body"].read())
    assert told["status"] == "succeeded"
    assert told["gateway"]["url"] == environment["GATEWAY_BASE_URL"]
    assert f"s3://{BUCKET}/nights/{night}/" in done.stdout
    for name in found:
        body = s3[1].get_object(Bucket=BUCKET, Key=name)["Body"].read().decode(errors="replace")
        assert environment["GATEWAY_MASTER_KEY"] not in body, name
    assert not [alias for alias in aliases(stack) if alias.startswith("evaluation-")]


def test_a_night_that_is_stopped_keeps_what_there_is_and_deletes_its_key(
    environment, stack, s3, tmp_path
):
    before = set(kept(s3[1]))
    own = {**environment, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        COMMAND, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: list(tmp_path.glob("evaluation-*/*/manifest.json")), 120)
    assert any(alias.startswith("evaluation-") for alias in aliases(stack))
    time.sleep(1)  # into the notebook
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=90)
    assert process.returncode != 0, complaint
    assert not [alias for alias in aliases(stack) if alias.startswith("evaluation-")]
    left = set(kept(s3[1])) - before
    (manifest,) = [name for name in left if name.endswith("/manifest.json")]
    told = json.loads(s3[1].get_object(Bucket=BUCKET, Key=manifest)["Body"].read())
    assert told["status"] == "interrupted"


def test_run_folders_that_cannot_be_kept_fail_the_night(environment, tmp_path):
    quick = write_notebook(tmp_path / "quick.ipynb", "print('done')")
    elsewhere = {**environment, "RUNS_BUCKET": "nobodys", "EVALUATION_NOTEBOOKS": str(quick)}
    done = subprocess.run(COMMAND, env=elsewhere, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1
    assert "evaluation: s3://nobodys/nights/" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "missing", ["GATEWAY_BASE_URL", "GATEWAY_MASTER_KEY", "EVALUATION_NOTEBOOKS", "RUNS_BUCKET"]
)
def test_what_is_missing_is_said_in_a_line(environment, missing, tmp_path):
    less = {name: value for name, value in environment.items() if name != missing}
    done = subprocess.run(COMMAND, env=less, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("evaluation: ") and missing in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
