"""Where keys go: a private file, or AWS Secrets Manager."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway_lib.errors import DeliveryError
from gateway_lib.provisioning.delivery import KeyFile, delivery_to
from gateway_lib.provisioning.issued import IssuedKey
from gateway_lib.provisioning.secrets_manager import SecretsManager
from tests.lib.provisioning.secrets import SmallSecretsManager


def issued(alias="k", value="sk-the-first-value", gateway="http://one") -> IssuedKey:
    return IssuedKey("analyst-1", alias, SecretStr(value), gateway)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_file_is_private_whatever_the_umask(tmp_path):
    path = tmp_path / "deep" / "keys.json"
    file = KeyFile(path)
    before = os.umask(0)
    try:
        file.check()
        file.deliver(issued())
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    [key] = json.loads(path.read_text())["keys"]
    assert key["api_key"] == "sk-the-first-value"
    assert (key["user_id"], key["alias"], key["base_url"]) == ("analyst-1", "k", "http://one")
    assert {p.name for p in path.parent.iterdir()} == {"keys.json", ".keys.json.lock"}
    assert all(mode(p) == 0o600 for p in path.parent.iterdir())


def test_keys_are_replaced_by_alias_and_gateway_and_found_by_hash(tmp_path):
    file = KeyFile(tmp_path / "keys.json")
    first, second, other = issued(), issued(value="sk-second"), issued(gateway="http://two")
    file.deliver(first)
    file.deliver(other)
    file.deliver(second)
    assert file.find("k", second.token) == "sk-second"
    assert file.find("k", other.token) == "sk-the-first-value"
    file.withdraw("k", second.token)
    assert file.find("k", second.token) is None
    assert file.find("k", other.token)


def test_a_file_that_others_could_read_is_closed_before_a_key_gets_in(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text('{"format": 1, "keys": []}')
    path.chmod(0o644)
    KeyFile(path).check()
    assert mode(path) == 0o600


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2, "keys": []}', "\xff", "sk-x"])
def test_what_is_no_file_of_keys_is_left_alone(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content, encoding="latin-1")
    for attempt in (KeyFile(path).check, lambda: KeyFile(path).deliver(issued())):
        with pytest.raises(DeliveryError):
            attempt()
    assert path.read_text(encoding="latin-1") == content


def test_a_folder_in_the_way_is_one_line(tmp_path):
    with pytest.raises(DeliveryError, match="keys cannot be delivered there"):
        KeyFile(tmp_path).check()


def test_a_link_stays_a_link(tmp_path):
    real = tmp_path / "real.json"
    link = tmp_path / "keys.json"
    link.symlink_to(real)
    KeyFile(link).deliver(issued())
    assert link.is_symlink() and mode(real) == 0o600


def _deliver_many(path: str, name: str) -> None:
    for number in range(10):
        KeyFile(Path(path)).deliver(issued(f"{name}-{number}", f"sk-{name}-{number}"))


def test_two_processes_lose_no_key(tmp_path):
    path = str(tmp_path / "keys.json")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_deliver_many, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert len(json.loads(Path(path).read_text())["keys"]) == 20


@pytest.fixture
def aws(monkeypatch):
    service = SmallSecretsManager()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-example-of-a-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", service.url)
    yield service
    service.close()


def test_secrets_manager_is_spoken_to_as_aws_expects(aws):
    store = delivery_to("aws:team/keys/")
    assert isinstance(store, SecretsManager)
    store.check()
    first, second = issued("analyst 1=x"), issued("analyst 1=x", "sk-second-value")
    store.deliver(first)
    [name] = aws.secrets
    assert name == "team/keys/analyst=201=3dx"
    assert json.loads(aws.secrets[name]["value"])["api_key"] == "sk-the-first-value"
    assert store.find(first.alias, first.token) == "sk-the-first-value"
    store.deliver(second)
    assert store.find(first.alias, first.token) is None
    assert store.find(second.alias, second.token) == "sk-second-value"
    store.withdraw(first.alias, first.token)
    assert not aws.secrets[name]["deleted"], "that key was replaced before"
    store.withdraw(second.alias, second.token)
    assert aws.secrets[name]["deleted"]
    store.deliver(first)
    assert store.find(first.alias, first.token) == "sk-the-first-value"
    assert {line.split(".")[1] for line in aws.asked} == {
        "DescribeSecret",
        "CreateSecret",
        "PutSecretValue",
        "GetSecretValue",
        "DeleteSecret",
        "RestoreSecret",
    }


def test_secrets_manager_that_refuses_is_one_line_without_the_key(aws):
    store = SecretsManager("p/")
    aws.refuse = "AccessDeniedException"
    for attempt in (store.check, lambda: store.deliver(issued())):
        with pytest.raises(DeliveryError, match="AccessDeniedException") as caught:
            attempt()
        assert "sk-the" not in str(caught.value)


def test_keys_of_a_roster_go_to_secrets_manager(aws, office):
    office.file = SecretsManager()
    office.apply({"users": [{"id": "a", "keys": [{"alias": "k"}]}]})
    token = office.gateway.key_by_alias("k")["token"]
    assert office.file.find("k", token)
    aws.refuse = "InternalServiceError"
    [outcome] = office.apply({"users": [{"id": "a", "keys": [{"alias": "k", "rpm_limit": 2}]}]})
    assert outcome.error is None, "no key has to be delivered for that"
    with pytest.raises(DeliveryError):
        office.apply({"users": [{"id": "b", "keys": [{"alias": "l"}]}]})
    assert "b" not in office.gateway.users
