"""The proof after a deployment, against the complete local gateway."""

from __future__ import annotations

import json
import threading

import pytest

from gateway_lib import clients, config, deploy
from gateway_lib.deploy.check import State
from gateway_lib.deploy.on_this_machine import LocalDeployment
from gateway_lib.deploy.proof import LogBucket, Proof
from gateway_lib.deploy.site import Site
from gateway_lib.errors import DeployError
from gateway_lib.settings import settings_of
from tests.deploy.driver.bench import DEPLOY

GOOD = ["health", "configuration", "OpenAI interface", "Bedrock interface", "budget"]


@pytest.fixture
def known(stack):
    bundle = {"GATEWAY_CA_BUNDLE": stack.environment["AWS_CA_BUNDLE"]}
    return settings_of({**stack.environment, **bundle})


def states(checks) -> dict[str, State]:
    return {check.name: check.state for check in checks}


def users(known) -> set[str]:
    with clients.admin_client(known) as admin:
        return {user["user_id"] for user in admin.get("/user/list", page_size=100)["users"]}


def test_local_is_the_same_flow_and_leaves_a_running_stack_alone(stack):
    said: list[str] = []
    deployment = LocalDeployment(
        Site.of("local", {}), said.append, state=stack.state.path, cfn_lint=False
    )
    prepared = deployment.prepare()
    assert prepared.ready, [*prepared.checks, *prepared.lint, *prepared.tree]
    assert [step.runs for step in prepared.steps] == [False]
    assert prepared.estimate.usd == 0
    outcome = deployment.apply(prepared)
    outcome.refuse()
    assert outcome.ran == () and outcome.url == stack.base_url
    assert states(outcome.proof) == {**dict.fromkeys(GOOD, State.OK), "log of calls": State.UNKNOWN}
    assert any("budget_exceeded" in line for line in said)


def test_the_proof_leaves_no_user_behind(stack, known):
    before = users(known)
    Proof(known, config.digest(config.load_local())).run()
    assert users(known) == before


def test_what_does_not_hold_is_found(stack, known):
    other = Proof(known, "0" * 64, model="no-such-model").run()
    found = states(other)
    assert found["health"] is State.OK
    for name in ("configuration", "OpenAI interface", "Bedrock interface"):
        assert found[name] is State.FAILED, name
    away = Proof(known.model_copy(update={"base_url": "http://127.0.0.1:9"}), "").run()
    assert states(away) == {"health": State.FAILED}
    keyless = Proof(known.model_copy(update={"master_key": None}), "").run()
    assert states(keyless)["calls"] is State.UNKNOWN


def test_records_are_looked_for_since_the_proof_began(known, monkeypatch):
    monkeypatch.setattr("gateway_lib.deploy.proof._LOG_SECONDS", 0.2)
    monkeypatch.setattr("gateway_lib.deploy.proof._PAUSE_SECONDS", 0.1)
    asked: list[float] = []

    def nothing(since: float) -> None:
        asked.append(since)

    check = Proof(known, "", bucket=LogBucket("logs", nothing))._logs(7.0)
    assert check.state is State.FAILED and set(asked) == {7.0} and len(asked) > 1
    assert "nothing in s3://logs" in check.found


def test_a_deployment_to_aws_is_proven_and_tells_what_is_not_as_committed(bench, aws, stack):
    """The running gateway is the local one, so all holds but the hash of the configuration."""
    bucket = "records-of-calls"
    aws("s3").create_bucket(Bucket=bucket)
    s3, over = aws("s3"), threading.Event()

    def records() -> None:
        """LiteLLM's part: a record of a call, again and again."""
        while not over.wait(1):
            s3.put_object(Bucket=bucket, Key="litellm/call.json", Body=b"{}")

    writer = threading.Thread(target=records)
    writer.start()
    bench.order(url=stack.base_url, bucket=bucket, master_key=stack.state.secrets().master_key)
    arguments = [argument for argument in DEPLOY if argument != "--no-prove"]
    try:
        done = bench.gateway(*arguments, "--json", status=1)
    finally:
        over.set()
        writer.join()
    proof = json.loads(done.stdout)["outcome"]["proof"]
    found = {check["name"]: check["state"] for check in proof}
    assert found == {**dict.fromkeys([*GOOD, "log of calls"], "ok"), "configuration": "failed"}
    assert "it is deployed, but:" in done.stderr and "is committed" in done.stderr
    assert stack.state.secrets().master_key not in done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"]["url"] == stack.base_url


def test_targets_have_names():
    with pytest.raises(DeployError, match="no target is named"):
        deploy.open_deployment("staging")
