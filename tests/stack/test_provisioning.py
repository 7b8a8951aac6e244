"""The example roster on the real gateway: applied twice, verified, keys revoked and rotated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from gateway_lib.clients import admin_client
from gateway_lib.provisioning import Applier, KeyFile, Outcome, Target
from gateway_lib.runs.manifest import Manifest
from gateway_lib.settings import PROJECT_ROOT, settings_of

ROSTER = PROJECT_ROOT / "config" / "roster.example.yaml"
MODEL = "gpt-4o-mini"


def users(stack, *arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway_lib", "users", *map(str, arguments)],
        env={**os.environ, **stack.environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


def say(stack, key: str, model: str = MODEL) -> httpx.Response:
    return httpx.post(
        f"{stack.base_url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]},
        timeout=30,
    )


class Desk:
    """One roster after the other for the same gateway, with the keys at hand."""

    def __init__(self, stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.known = settings_of(stack.environment)
        self.admin = admin_client(self.known)
        self.file = KeyFile(folder / "keys.json")

    def target(self, document: dict) -> Target:
        path = self.folder / "roster.yaml"
        path.write_text(yaml.safe_dump(document))
        return Target.of(path, self.admin)

    def apply(self, *people: dict, **options) -> list[Outcome]:
        """Apply, and see that nothing is left to do."""
        target = self.target({"users": list(people)})
        made = target.plan(**options)
        done = list(Applier(self.admin, self.file, self.known.gateway()).apply(made))
        assert not [outcome for outcome in done if outcome.error]
        assert target.plan(**options).pending == ()
        return done

    def keys(self) -> dict[str, str]:
        document = json.loads(Path(self.file.place).read_text())
        return {key["alias"]: key["api_key"] for key in document["keys"]}


@pytest.fixture
def desk(stack, tmp_path):
    made = Desk(stack, tmp_path)
    made.apply(revoke_absent=True)  # the stack is shared, and the notebook applies a roster too
    yield made
    made.apply(revoke_absent=True)
    made.admin.close()


def test_the_example_is_applied_verified_and_then_changes_nothing(stack, desk, tmp_path):
    keys = tmp_path / "example.json"
    assert users(stack, "plan", ROSTER).returncode == 3
    first = users(stack, "apply", ROSTER, "--keys", keys, "--verify", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert sum(len(outcome["issued"]) for outcome in told["outcomes"]) == 5
    checks = {(c["user_id"], c["check"]): c for c in told["checks"]}
    assert all(check["ok"] is not False for check in checks.values())
    assert checks["trainee-1", "limit per minute"]["found"].startswith("call 4 of ")
    assert checks["analyst-2", "limit per minute"]["found"].startswith("call 6 of ")
    assert checks["service-search", "forbidden model"]["ok"] is True
    before = keys.read_bytes()
    again = users(stack, "apply", ROSTER, "--keys", keys, "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["outcomes"] == []
    assert keys.read_bytes() == before and keys.stat().st_mode & 0o777 == 0o600
    assert users(stack, "plan", ROSTER).returncode == 0
    values = [key["api_key"] for key in json.loads(before)["keys"]]
    shown = first.stdout + first.stderr + again.stdout
    assert len(values) == 5 and not any(value in shown for value in values)


def test_revoked_and_replaced_keys_are_refused(stack, desk):
    person = {"id": "analyst-7", "keys": [{"alias": "a7-one"}, {"alias": "a7-two"}]}
    desk.apply(person)
    before = desk.keys()
    assert all(say(stack, key).status_code == 200 for key in before.values())
    person["keys"] = [{"alias": "a7-one", "rotate": True}]
    desk.apply(person)
    assert say(stack, before["a7-two"]).status_code == 200, (
        "only told: --revoke-absent was not given"
    )
    assert say(stack, before["a7-one"]).status_code == 401
    assert say(stack, desk.keys()["a7-one"]).status_code == 200
    desk.apply(person, revoke_absent=True)
    assert say(stack, before["a7-two"]).status_code == 401
    after = desk.keys()
    assert set(after) == {"a7-one"}
    desk.apply(revoke_absent=True)
    assert say(stack, after["a7-one"]).status_code == 401
    assert desk.keys() == {}


def test_every_field_can_be_set_changed_and_taken_back(desk):
    everything = {
        "id": "analyst-8",
        "email": "Analyst-8@Example.com",
        "alias": "Eight",
        "team": "red",
        "metadata": {"level": 2},
        "models": [MODEL, "gpt-4o"],
        "max_budget": 5,
        "budget_duration": "1mo",
        "tpm_limit": 1000,
        "rpm_limit": 10,
        "max_parallel_requests": 3,
        "model_rpm_limit": {MODEL: 5},
        "model_tpm_limit": {MODEL: 500},
        "model_max_budget": {MODEL: 1, "gpt-4o": {"budget_limit": 2, "time_period": "1d"}},
        "keys": [{"alias": "a8", "duration": "1d", "models": [MODEL], "max_budget": 1}],
    }
    nothing = {"id": "analyst-8", "max_budget": None, "budget_duration": None}
    desk.apply(nothing)
    desk.apply(everything)
    changed = {**everything, "rpm_limit": 0, "models": [MODEL], "team": "blue", "metadata": {}}
    changed["model_max_budget"] = {MODEL: 3}
    changed["keys"] = [{"alias": "a8", "expires": "2099-01-01", "rpm_limit": 2}]
    desk.apply(changed)
    desk.apply({**nothing, "keys": [{"alias": "a8"}]})
    told = desk.admin.get("/user/info", user_id="analyst-8")["user_info"]
    assert told["max_budget"] is None and told["rpm_limit"] is None
    assert not told["model_max_budget"] and not told["user_email"]
    assert told["metadata"] == {"managed_by": "roster", "managed_metadata": []}


def test_limits_of_a_user_bind_every_key(stack, desk):
    person = {
        "id": "analyst-9",
        "model_rpm_limit": {MODEL: 2},
        "keys": [{"alias": "a9-one"}, {"alias": "a9-two"}],
    }
    desk.apply(person)
    for key in desk.keys().values():
        assert [say(stack, key).status_code for _ in range(3)] == [200, 200, 429]


def test_the_notebook_runs_again_and_again_and_keeps_no_key(stack, desk, tmp_path):
    keys = tmp_path / "notebook.json"
    arguments = ["--runs-dir", tmp_path / "runs", "02_provision_users", "-p", f"deliver_to={keys}"]
    for changed in (4, 0):
        done = subprocess.run(
            [sys.executable, "-m", "gateway_lib", "run", "--json", *arguments],
            env={**os.environ, **stack.environment},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        folder = Path(json.loads(done.stdout)["runs"][0]["folder"])
        figures = Manifest.read(folder).metrics
        assert (figures["users_changed"], figures["users_failed"]) == (changed, 0)
        assert (figures["left_to_do"], figures["wrong"], figures["checks"]) == (0, 0, 9)
        assert figures["cost_usd"] > 0
    values = [key["api_key"].encode() for key in json.loads(keys.read_text())["keys"]]
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(values) == 5 and files
    assert not any(value in path.read_bytes() for value in values for path in files)


def test_the_notebook_without_the_administrators_key_says_what_it_skips(stack, tmp_path):
    ordinary = {
        name: value
        for name, value in stack.environment.items()
        if name not in ("GATEWAY_MASTER_KEY", "GATEWAY_BASE_URL")
    }
    arguments = ["--runs-dir", tmp_path, "--gateway", stack.base_url, "02_provision_users"]
    done = subprocess.run(
        [sys.executable, "-m", "gateway_lib", "run", "--json", *arguments],
        env={**os.environ, **ordinary},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    folder = Path(json.loads(done.stdout)["runs"][0]["folder"])
    assert "Skipped: no GATEWAY_MASTER_KEY" in (folder / "report.html").read_text()
