"""`gateway deploy` as a user runs it: first, again, after a failure, after Ctrl-C; export and destroy."""

from __future__ import annotations

import hashlib
import json
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.deploy.driver.bench import ACCESS, DEPLOY, KEYS, MASTER_KEY, SECRETS, commit
from tests.deploy.driver.servers import DIGEST

FIRST = [
    "app init genai-gateway",
    "env init --name dev --profile gateway-deploy --region us-east-1 --default-config",
    "env deploy --name dev",
    "svc init --name gateway",
    "svc deploy --name gateway --env dev",
    "job init --name evaluate",
    "job deploy --name evaluate --env dev",
]


def provider_keys(aws) -> dict[str, str]:
    text = aws("secretsmanager").get_secret_value(SecretId="genai-gateway-dev-ProviderKeys")
    return json.loads(text["SecretString"])


def refuse_secrets(bench, *said: str) -> None:
    """No secret in what Copilot was given, in what was printed, or in any file that is left."""
    hidden = [*SECRETS.values(), MASTER_KEY, bench.variables["AWS_BEARER_TOKEN_BEDROCK"]]
    calls = bench.calls()
    for call in calls:
        assert not any(secret in json.dumps(call) for secret in hidden), call["argv"]
        assert ACCESS["AWS_SECRET_ACCESS_KEY"] not in " ".join(call["argv"])
    hidden.append(ACCESS["AWS_SECRET_ACCESS_KEY"])
    for text in said:
        assert not any(secret in text for secret in hidden)
    for path in bench.root.rglob("*"):
        if path.is_file() and path.name != ".env" and ".git" not in path.parts:
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in hidden), path


def test_first_deployment(bench, aws):
    done = bench.deploy()
    assert bench.commands() == FIRST
    calls = {" ".join(call["argv"][:2]): call for call in bench.calls()}
    assert {call["cwd"] for call in bench.calls()} == {str(bench.root)}

    environment = calls["svc deploy"]["env"]
    wanted = {"DOMAIN_NAME", "PYTHON_IMAGE", "LITELLM_IMAGE", "AWS_REGION", "AWS_ACCESS_KEY_ID"}
    assert wanted <= set(environment)
    assert environment["PYTHON_IMAGE"].endswith(f"python:3.12-slim-bookworm@{DIGEST}")
    assert not set(environment) & {*SECRETS, "AWS_BEARER_TOKEN_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK"}
    digests = (bench.root / "copilot" / "images.yaml").read_text()
    assert digests.count(DIGEST) == 2 and "digest: null" not in digests

    # credentials of the environment reach `env init` as a profile of a private home, which is gone
    init = calls["env init"]
    assert (
        init["profile"]["key"]
        == hashlib.sha256(ACCESS["AWS_SECRET_ACCESS_KEY"].encode()).hexdigest()
    )
    assert init["profile"]["mode"] == "0o600"
    assert init["env"]["HOME"] != bench.variables["HOME"]
    assert not Path(init["env"]["HOME"]).exists()
    assert calls["env deploy"]["env"]["HOME"] == bench.variables["HOME"]

    assert provider_keys(aws) == {
        **dict.fromkeys(KEYS, ""),
        **{k: SECRETS[k] for k in KEYS if k in SECRETS},
    }
    assert "written: ANTHROPIC_API_KEY, OPENAI_API_KEY; not given: LANGSMITH_API_KEY" in done.stderr
    assert "create complete" in done.stderr and "\x1b" not in done.stderr
    assert "https://gateway.example.com" in done.stdout
    assert "lb-1.us-east-1.elb.amazonaws.com" in done.stdout

    steps = bench.state()["steps"]
    assert list(steps) == [" ".join(command.split()[:2]) for command in FIRST]
    folder = bench.root / ".gateway" / "deploy"
    assert stat.S_IMODE((folder / "dev.json").stat().st_mode) == 0o600
    [log] = folder.glob("dev-*.log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and "create complete" in log.read_text()
    refuse_secrets(bench, done.stdout, done.stderr)


def test_second_deployment_runs_only_what_changed(bench, aws):
    bench.deploy()
    commit(bench.root, "digests")
    bench.forget_calls()
    done = bench.deploy()
    assert bench.commands() == []
    assert "6 of 8" not in done.stdout and "1 of 8 steps to run" in done.stdout

    service, job = "svc deploy --name gateway --env dev", "job deploy --name evaluate --env dev"
    for file, commands in (
        ("middleware/app.py", [service, job]),  # the evaluation's image has it, too
        ("copilot/environments/addons/redis.yml", ["env deploy --name dev"]),
        ("notebooks/00_quickstart.ipynb", [job]),
    ):
        bench.forget_calls()
        with (bench.root / file).open("a") as opened:
            opened.write("\n")
        bench.deploy()
        # the stand-in compares the tree only, so an image that changed alone is a change it cannot see
        assert [c for c in bench.commands() if not c.endswith("--force")] == commands, file


def test_new_keys_deploy_the_service_anew(bench, aws):
    bench.deploy()
    bench.forget_calls()
    (bench.root / ".env").write_text(
        (bench.root / ".env").read_text() + "LANGSMITH_API_KEY=langsmith-key-0005\n"
    )
    done = bench.deploy()
    deploy = "svc deploy --name gateway --env dev"
    assert bench.commands() == [deploy, f"{deploy} --force"]
    assert "once more with --force" in done.stderr
    assert provider_keys(aws)["LANGSMITH_API_KEY"] == "langsmith-key-0005"
    assert "langsmith-key-0005" not in json.dumps(bench.calls()) + done.stdout + done.stderr

    # a key that is not given any more stays what it is in AWS
    bench.forget_calls()
    (bench.root / ".env").write_text("DOMAIN_NAME=gateway.example.com\n")
    bench.deploy()
    assert bench.commands() == []
    assert provider_keys(aws)["OPENAI_API_KEY"] == SECRETS["OPENAI_API_KEY"]


@pytest.mark.parametrize("place", [1, 3, 5, 7])
def test_a_failure_in_the_middle_is_told_and_gone_on_with(bench, place):
    command = " ".join(FIRST[place - 1].split()[:2])
    tail = [
        "- Creating the infrastructure for stack genai-gateway-dev  [create in progress]  [0.0s]",
        f"AccessDenied: not authorized, signed with {ACCESS['AWS_SECRET_ACCESS_KEY']}",
    ]
    bench.order(**{command: {"do": "fail", "say": tail}})
    failed = bench.deploy(status=1)
    assert bench.commands() == FIRST[:place]
    assert failed.stderr.count("gateway: `copilot " + command) == 1
    assert "  | AccessDenied: not authorized, signed with [redacted]" in failed.stderr
    assert "the credentials lack a permission" in failed.stderr and "Traceback" not in failed.stderr
    assert command not in bench.state()["steps"]

    bench.forget_calls()
    bench.deploy()
    assert bench.commands() == FIRST[place - 1 :]
    refuse_secrets(bench, failed.stdout, failed.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_step_is_not_done_though_copilot_ends_with_0(bench, number):
    bench.order(**{"svc deploy": {"do": "hang"}})
    code, said = bench.interrupt(*DEPLOY, number=number)
    assert code == 130, said
    assert "Successfully rolled back svc" in said  # Copilot was waited for
    assert "interrupted during `copilot svc deploy --name gateway --env dev`" in said
    assert list(bench.state()["steps"]) == ["app init", "env init", "env deploy", "svc init"]

    bench.forget_calls()
    (bench.programs / "hanging").unlink()
    bench.deploy()
    assert bench.commands() == FIRST[4:]


def test_lost_state_is_asked_of_copilot(bench):
    bench.deploy()
    (bench.root / ".gateway" / "deploy" / "dev.json").unlink()
    bench.forget_calls()
    done = bench.deploy()
    deploy = "svc deploy --name gateway --env dev"
    assert bench.commands() == [
        "env deploy --name dev",
        "env deploy --name dev --force",
        deploy,
        f"{deploy} --force",
        "job deploy --name evaluate --env dev",
    ]
    assert "nothing to change" in done.stderr
    bench.forget_calls()
    bench.deploy()
    assert bench.commands() == []


def test_damaged_state_is_one_clear_line(bench):
    bench.deploy()
    (bench.root / ".gateway" / "deploy" / "dev.json").write_text("{")
    failed = bench.deploy(status=1)
    assert "dev.json is damaged" in failed.stderr and "Traceback" not in failed.stderr


def test_nothing_is_deployed_without_yes(bench):
    done = bench.gateway("deploy", "--target", "dev")
    assert bench.commands() == []
    assert "nothing was changed" in done.stdout
    assert "copilot env deploy --name dev" in done.stdout and "$" in done.stdout
    assert "digest: null" in (bench.root / "copilot" / "images.yaml").read_text()
    shown = json.loads(bench.gateway("deploy", "--target", "dev", "--no-cfn-lint", "--json").stdout)
    assert shown["ready"] is True, [c for c in shown["checks"] if c["state"] != "ok"]
    assert [step["runs"] for step in shown["plan"]] == ["yes"] * 8
    assert shown["outcome"] is None


def test_a_deployment_refuses_while_a_digest_is_missing(bench, registry):
    registry.tags.clear()
    failed = bench.deploy(status=1)
    assert bench.commands() == []
    assert "base images: no digest of python: 127.0.0.1" in failed.stderr
    assert (
        "sha256" not in (bench.root / "copilot" / "images.yaml").read_text().split("digest", 1)[1]
    )


def test_two_deployments_at_a_time_are_one_too_many(bench):
    bench.order(**{"svc deploy": {"do": "hang"}})
    first = subprocess.Popen(
        bench.command(DEPLOY),
        cwd=bench.root,
        env=bench.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until((bench.programs / "hanging").exists, 60)
        second = bench.deploy(status=1)
        assert "is being deployed from this checkout already" in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130


def test_destroy_says_what_stays_and_asks(bench):
    bench.deploy()
    bench.forget_calls()
    looked = bench.gateway("deploy", "destroy", "--target", "dev", "--dry-run")
    for kept in (
        "DataKey",
        "ProviderKeys",
        "MasterKey",
        "a last snapshot of the database",
        "the bucket",
    ):
        assert kept in looked.stdout
    refused = bench.gateway("deploy", "destroy", "--target", "dev", status=1)
    assert "nothing was deleted: type the name of the environment, dev" in refused.stderr
    wrong = bench.gateway("deploy", "destroy", "--target", "dev", "--confirm", "prod", status=1)
    assert "nothing was deleted" in wrong.stderr
    assert bench.commands() == []

    workspace = (bench.root / "copilot" / ".workspace").read_bytes()
    bench.gateway("deploy", "destroy", "--target", "dev", "--confirm", "dev")
    assert bench.commands() == [
        "svc delete --name gateway --env dev --yes",
        "job delete --name evaluate --env dev --yes",
        "env delete --name dev --yes",
        "app delete --name genai-gateway --yes",
    ]
    assert (bench.root / "copilot" / ".workspace").read_bytes() == workspace
    assert bench.state()["steps"] == {}
    nothing = bench.gateway("deploy", "destroy", "--target", "dev", "--confirm", "dev")
    assert "there is nothing to delete" in nothing.stdout


def test_destroy_leaves_the_application_to_its_other_environments(bench):
    bench.deploy()
    world = json.loads((bench.programs / "world.json").read_text())
    world["envs"]["prod"] = "us-east-1"
    (bench.programs / "world.json").write_text(json.dumps(world))
    bench.forget_calls()
    bench.order(**{"env delete": {"do": "fail", "say": ["DELETE_FAILED"]}})
    bench.gateway("deploy", "destroy", "--target", "dev", "--confirm", "dev", status=1)
    bench.forget_calls()
    done = bench.gateway("deploy", "destroy", "--target", "dev", "--confirm", "dev")
    assert "The application stays for prod." in done.stdout
    assert [command.split()[:2] for command in bench.commands()][-1] == ["env", "delete"]


def test_export_writes_what_copilot_packages(bench):
    bench.deploy()
    bench.forget_calls()
    folder = bench.root / "out"
    done = bench.gateway("deploy", "export", "--target", "dev", "--output-dir", str(folder))
    into = f"--upload-assets --output-dir {folder}"
    assert bench.commands() == [
        f"env package --name dev {into}",
        f"svc package --name gateway --env dev {into}",
        f"job package --name evaluate --env dev {into}",
    ]
    assert "dev.env.yml (from S3 only)" in done.stdout
    readme = (folder / "README.md").read_text()
    assert "create-change-set" in readme and "here that is `dev.env.yml`" in readme
    bench.order(leak=f"# {SECRETS['OPENAI_API_KEY']}")
    refused = bench.gateway("deploy", "export", "--target", "dev", "-o", str(folder), status=1)
    assert "would hold a secret" in refused.stderr
    assert [path.name for path in folder.iterdir()] == ["README.md"]
