"""What the preflight finds, asked of a local AWS and a local registry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway_lib.deploy import aws_checks, images, preflight
from gateway_lib.deploy.aws import Aws
from gateway_lib.deploy.check import State, refusals
from gateway_lib.deploy.copilot import environment_for
from gateway_lib.deploy.registry import RegistryError, Repository
from gateway_lib.deploy.site import Site
from gateway_lib.errors import CopilotFailed, DeployError
from tests.deploy.driver.bench import ACCESS
from tests.deploy.driver.servers import DIGEST

REGION = {"AWS_REGION": "us-east-1"}


@pytest.fixture
def endpoints(moto, models, monkeypatch):
    """boto3 finds its services where the tests have them, and no credentials but those it is given."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", f"http://{models.host}")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sk-a-gateways-key-not-for-aws")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def site(root: Path = Path(), **variables: str) -> Site:
    return Site.of("dev", {**REGION, **ACCESS, **variables}, root)


def test_without_anything_it_cannot_tell_and_says_what_to_do(bench, monkeypatch, endpoints):
    monkeypatch.setenv("PATH", "/nonexistent")
    found = preflight.run(Site.of("dev", {}, bench.root))
    states = {check.name: check.state for check in found.checks}
    assert states["Copilot"] is states["AWS credentials"] is states["region"] is State.UNKNOWN
    assert states["model access"] is State.UNKNOWN
    assert states["certificate"] is State.FAILED
    assert found.identity is None and found.binary is None
    refusing = refusals(found.checks)
    assert {c.name for c in refusing} >= {
        "Copilot",
        "AWS credentials",
        "region",
        "certificate",
        "Docker",
    }
    assert all(check.mend for check in refusing if check.name != "Copilot's version")


def test_another_version_of_copilot_is_refused(bench, monkeypatch, endpoints):
    monkeypatch.setenv("PATH", bench.variables["PATH"])
    bench.order(version="v1.33.0")
    found = {check.name: check for check in preflight.basics(site(bench.root)).checks}
    assert found["Copilot's version"].state is State.FAILED
    assert "v1.33.0, not v1.34.1" in found["Copilot's version"].found


@pytest.mark.parametrize(
    ("name", "domain", "good"),
    [
        ("gateway.example.com", "gateway.example.com", True),
        ("*.example.com", "Gateway.Example.com", True),
        ("*.example.com", "a.gateway.example.com", False),
        ("*.example.com", "example.com", False),
        ("example.com", "gateway.example.com", False),
    ],
)
def test_which_names_a_certificate_covers(name, domain, good):
    assert aws_checks.covers(name, domain) is good


def test_the_certificate_must_be_issued_of_the_region_and_cover_the_domain(
    aws, certificate, endpoints
):
    def check(domain: str, arn: str = certificate, **more: str):
        here = site(DOMAIN_NAME=domain, CERTIFICATE_ARN=arn, **more)
        return aws_checks.certificate(here, Aws(here))

    assert check("gateway.example.com").state is State.OK
    assert "covers *.example.com, not gateway.example.org" in check("gateway.example.org").found
    elsewhere = check("gateway.example.com", AWS_REGION="eu-west-1")
    assert "it is of us-east-1, and the load balancer will be in eu-west-1" in elsewhere.found
    nobody = f"{certificate.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    assert "no such certificate" in check("gateway.example.com", nobody).found
    assert check("gateway.example.com", "").state is State.FAILED
    assert check("", certificate).found == "DOMAIN_NAME not set"


def test_a_certificate_that_waits_or_has_ended_is_refused():
    names = {"DomainName": "gateway.example.com", "Status": "PENDING_VALIDATION"}
    judged = aws_checks._judged
    assert "PENDING_VALIDATION" in judged(names, "gateway.example.com").found
    past = datetime.now(UTC) - timedelta(days=3)
    ended = judged({**names, "Status": "ISSUED", "NotAfter": past}, "gateway.example.com")
    assert ended.state is State.FAILED and "it ended on" in ended.found


def test_model_access_is_asked_with_the_users_credentials_and_not_the_gateways_key(
    models, endpoints
):
    aws = Aws(site())
    wanted = ["us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "anthropic.claude-x"]
    assert aws_checks.model_access(wanted, aws).found == "2 of Bedrock's models may be called"
    assert models.asked == ["amazon.nova-lite-v1:0", "anthropic.claude-x"]
    assert all(sent.startswith("AWS4-HMAC-SHA256 ") for sent in models.authorizations)

    models.closed = {"anthropic.claude-x"}
    some = aws_checks.model_access([*wanted, "no.such-model"], aws)
    assert some.state is State.UNKNOWN and not some.refuses
    assert (
        "2 of 3 models may not be called: anthropic.claude-x, no.such-model (not in this region)"
        in some.found
    )
    models.closed = {"anthropic.claude-x", "amazon.nova-lite-v1:0"}
    assert aws_checks.model_access(wanted, aws).state is State.FAILED


def test_quotas_are_held_against_what_is_used(aws, endpoints):
    vpcs = aws_checks.FIRST_DEPLOYMENT[0]
    assert vpcs.what == "VPCs"
    ec2 = aws("ec2")
    there = len(ec2.describe_vpcs()["Vpcs"])
    check = aws_checks.quotas(Aws(site()), [vpcs])
    assert check.state is State.OK and f"VPCs {there} of 5 used, 1 more needed" in check.found
    for number in range(5 - there):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    full = aws_checks.quotas(Aws(site()), [vpcs])
    assert full.state is State.FAILED and "VPCs 5 of 5 used" in full.found
    silent = aws_checks.quotas(Aws(site()), [aws_checks.FARGATE])
    assert silent.state is State.UNKNOWN and not silent.refuses


def test_credentials_that_are_not_good_are_told_in_aws_words(endpoints, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    _, identity, check = preflight._credentials(site())
    assert identity is None and check.state is State.FAILED and "STS: " in check.found


def test_digests_come_from_the_registry_and_only_the_file_s_place_for_them_changes(
    tmp_path, registry
):
    path = tmp_path / "images.yaml"
    before = (
        f"# why\npython: # a comment\n  image: {registry.host}/docker/library/python\n"
        f"  tag: 3.12-slim-bookworm\n  digest: null # one\n\n"
        f"litellm:\n  image: {registry.host}/berriai/litellm-non_root\n  tag: v1\n  digest: null\n"
    )
    path.write_text(before)
    found, missing = images.resolve(images.read_images(path))
    assert missing == {} and path.read_text() == before
    assert images.write_digests(path, found) == ["python", "litellm"]
    assert path.read_text() == before.replace("null", DIGEST)
    assert images.write_digests(path, found) == []
    references = images.image_variables(images.read_images(path))
    assert (
        references["PYTHON_IMAGE"]
        == f"{registry.host}/docker/library/python:3.12-slim-bookworm@{DIGEST}"
    )
    asked = len(registry.asked)
    images.resolve(images.read_images(path))
    assert len(registry.asked) == asked


def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest(registry):
    registry.tells_digest = False
    repository = Repository.of(f"{registry.host}/docker/library/python")
    assert repository.digest("3.12-slim-bookworm") == DIGEST
    with pytest.raises(RegistryError, match="has no docker/library/python:nope"):
        repository.digest("nope")


def test_a_registry_that_cannot_be_reached_leaves_the_digest_missing(tmp_path):
    path = tmp_path / "images.yaml"
    path.write_text("python: {image: 127.0.0.1:9/python, tag: x, digest: null}\n")
    found, missing = images.resolve(images.read_images(path))
    assert found[0].digest is None and "python" in missing
    path.write_text("python: {image: python, tag: x, digest: sha256:abc}\n")
    with pytest.raises(DeployError, match="is no sha256 digest"):
        images.read_images(path)


@pytest.mark.parametrize(
    ("image", "host", "name"),
    [
        ("python", "registry-1.docker.io", "library/python"),
        ("berriai/litellm", "registry-1.docker.io", "berriai/litellm"),
        ("docker.io/library/python", "registry-1.docker.io", "library/python"),
        ("public.ecr.aws/docker/library/python", "public.ecr.aws", "docker/library/python"),
        ("localhost:5000/x", "localhost:5000", "x"),
    ],
)
def test_names_of_images_are_read_as_docker_reads_them(image, host, name):
    assert Repository.of(image) == Repository(host, name)


def test_copilot_gets_no_secret_even_where_a_manifest_asks_for_one():
    shell = {"PATH": "/bin", "OPENAI_API_KEY": "a-key-of-somebody", "DOMAIN_NAME": "x.example.com"}
    given = environment_for(shell, ["DOMAIN_NAME"], {"PYTHON_IMAGE": "p"})
    assert given == {
        "PATH": "/bin",
        "DOMAIN_NAME": "x.example.com",
        "PYTHON_IMAGE": "p",
        "CI": "true",
        "COLOR": "false",
    }
    with pytest.raises(CopilotFailed, match="take OPENAI_API_KEY from the shell"):
        environment_for(shell, ["OPENAI_API_KEY"], {})


def test_a_gateways_key_under_a_providers_name_is_no_providers_key(tmp_path, monkeypatch):
    """`eval "$(gateway env)"` sets OPENAI_API_KEY, and that is not OpenAI's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_API_KEY", "sk-of-the-local-stack")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-local-stack")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-anthropic")
    here = Site.of("dev")
    assert here.given("OPENAI_API_KEY") == "" and here.given("GATEWAY_API_KEY")
    assert here.given("ANTHROPIC_API_KEY") == "key-of-anthropic"
    (tmp_path / ".env").write_text("OPENAI_API_KEY=key-of-openai\n")
    assert Site.of("dev").given("OPENAI_API_KEY") == "key-of-openai"
