"""Applying: stopped at every request, resumed, and the same in the end; errors of one user alone."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

from gateway_lib.cli import main
from gateway_lib.errors import DeliveryError
from gateway_lib.provisioning import Applier, KeyFile
from tests.lib.provisioning.gateway import ADMIN

BEFORE = {
    "users": [
        {"id": "changes", "rpm_limit": 3, "keys": [{"alias": "turns"}, {"alias": "goes"}]},
        {"id": "leaves", "keys": [{"alias": "left"}]},
        {"id": "stays", "keys": [{"alias": "kept"}]},
    ]
}
AFTER = {
    "users": [
        {
            "id": "changes",
            "models": ["small"],
            "model_max_budget": {"small": 2},
            "keys": [{"alias": "turns", "rotate": True, "duration": "30d"}],
        },
        {"id": "comes", "max_budget": None, "keys": [{"alias": "first"}, {"alias": "second"}]},
        {"id": "stays", "keys": [{"alias": "kept", "rpm_limit": 5}]},
    ]
}


def values(file: KeyFile) -> dict[str, str]:
    document = json.loads(Path(file.place).read_text())
    return {key["alias"]: key["api_key"] for key in document["keys"]}


def begin(office):
    office.gateway.forget()
    Path(office.file.place).unlink(missing_ok=True)
    office.apply(BEFORE)
    return office.gateway.key_by_alias("turns")["token"]


def check_the_end(office, old_token):
    gateway = office.gateway
    assert set(gateway.users) == {"changes", "comes", "stays"}
    assert {key["key_alias"] for key in gateway.keys.values()} == {
        "turns",
        "first",
        "second",
        "kept",
    }
    assert old_token not in gateway.keys
    hashes = {a: hashlib.sha256(v.encode()).hexdigest() for a, v in values(office.file).items()}
    for alias in ("turns", "first", "second", "kept"):
        key = gateway.key_by_alias(alias)
        assert hashes[alias] == key["token"], "the file has another key than the gateway"
        assert key["metadata"]["delivered"]
    assert gateway.users["comes"]["max_budget"] is None
    assert office.plan(AFTER, revoke_absent=True).pending == ()


def requests_of_a_whole_apply(office) -> int:
    begin(office)
    before = len(office.gateway.asked)
    office.apply(AFTER, revoke_absent=True)
    return len(office.gateway.asked) - before


@pytest.mark.parametrize("how", ["refused", "lost"])
def test_interrupted_at_any_request_it_is_resumed(office, how):
    total = requests_of_a_whole_apply(office)
    assert total > 20
    failed = 0
    for number in range(1, total + 1):
        old_token = begin(office)
        gateway = office.gateway
        gateway.fail_at, gateway.how = len(gateway.asked) + number, how
        try:
            errors = [o for o in office.apply(AFTER, revoke_absent=True) if o.error]
        except Exception as error:
            assert "/list" in str(error) or "/user/info" in str(error)
            errors = [error]
        # not being told the models only costs the warnings
        assert errors or "/v1/models" in gateway.asked[gateway.fail_at - 1]
        failed += bool(errors)
        alive = gateway.keys.get(old_token)
        moved = gateway.keys and "turns" in {k["key_alias"] for k in gateway.keys.values()}
        assert alive or (moved and gateway.key_by_alias("turns")["metadata"]["delivered"]), (
            "the old key is gone, and nobody has the new one"
        )
        gateway.fail_at = None
        assert not [o for o in office.apply(AFTER, revoke_absent=True) if o.error]
        check_the_end(office, old_token)
    assert failed >= total - 1


def environment_of(office) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    return {**kept, "GATEWAY_BASE_URL": office.gateway.url, "GATEWAY_MASTER_KEY": ADMIN}


def ran(office, *arguments) -> tuple[int, str, str]:
    """Exit status, output and complaints of `gateway users`, in this process, which saves seconds."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment_of(office), clear=True),
        mock.patch.object(sys, "argv", ["gateway", "users", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_while_the_gateway_makes_a_key_it_is_resumed(office, number):
    gateway = office.gateway
    gateway.stop_hanging.clear()
    arguments = ["apply", str(office.write(AFTER)), "--revoke-absent", "--keys", office.file.place]
    probe = requests_until(office, "POST /key/generate")
    old_token = begin(office)
    gateway.fail_at, gateway.how = len(gateway.asked) + probe, "hangs"
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway_lib", "users", *arguments],
        env=environment_of(office),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(gateway.asked) < gateway.fail_at and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    gateway.stop_hanging.set()
    gateway.fail_at = None
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "interrupted with" in err and "Traceback" not in err
    code, _, _ = ran(office, *arguments)
    assert code == 0
    check_the_end(office, old_token)


def requests_until(office, line: str) -> int:
    begin(office)
    start = len(office.gateway.asked)
    office.apply(AFTER, revoke_absent=True)
    return office.gateway.asked[start:].index(line) + 1


def test_the_error_of_one_user_is_one_line_and_the_others_go_on(office):
    document = {"users": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}
    roster = office.write(document)
    office.gateway.fail_at = 3 + 3 + 1  # after the plan and the first user
    code, out, err = ran(office, "apply", str(roster))
    assert code == 1
    assert err.splitlines() == ["gateway: b: GET /user/info: HTTP 500: told to fail"]
    assert set(office.gateway.users) == {"a", "c"}
    assert "failed" in out
    assert ran(office, "apply", str(roster))[0] == 0
    assert set(office.gateway.users) == {"a", "b", "c"}


def test_exit_statuses_and_json_of_the_commands(office):
    roster = str(office.write(BEFORE))
    keys = ("--keys", office.file.place)
    assert ran(office, "plan", roster)[0] == 3
    code, out, _ = ran(office, "apply", roster, "--json", *keys)
    assert code == 0
    told = json.loads(out)
    assert [o["issued"] for o in told["outcomes"]] == [["turns", "goes"], ["left"], ["kept"]]
    code, out, _ = ran(office, "plan", roster, "--json")
    assert code == 0 and json.loads(out)["pending"] is False
    code, out, err = ran(office, "apply", roster, *keys)
    assert code == 0 and "nothing to do" in out
    code, out, _ = ran(office, "verify", roster, "--json", *keys)
    assert code == 0
    checks = {(c["user_id"], c["check"]): c for c in json.loads(out)["checks"]}
    assert checks["changes", "limit per minute"]["found"].startswith("call 4 of small")
    assert checks["changes", "allowed model"]["cost_usd"] == 0.001
    broken = office.folder / "broken.yaml"
    broken.write_text("users:\n- {id: a, b: c}\n")
    code, _, err = ran(office, "plan", str(broken))
    assert code == 1 and err.strip().endswith("broken.yaml:2: users[0].b: no such field")


def test_no_key_is_shown_anywhere_but_in_the_file(office):
    roster = str(office.write(BEFORE))
    said = ran(office, "plan", roster)
    said += ran(office, "apply", roster, "--verify", "--keys", office.file.place)
    said += ran(office, "apply", roster, "--json", "--keys", office.file.place)
    issued = values(office.file).values()
    assert len(issued) == 4
    assert not any(value in str(part) for value in issued for part in said)
    office.gateway.forget()
    outcomes = office.apply(BEFORE)
    shown = repr(outcomes) + str([key for outcome in outcomes for key in outcome.issued])
    assert not any(value in shown for value in values(office.file).values())


def test_a_wrong_limit_and_a_missing_refusal_are_told(office):
    document = {
        "users": [{"id": "a", "models": ["small"], "rpm_limit": 3, "keys": [{"alias": "k"}]}]
    }
    office.apply(document)
    roster, keys = str(office.write(document)), ("--keys", office.file.place)
    office.gateway.wrong_limit_by = 1
    code, _, err = ran(office, "verify", roster, *keys)
    assert code == 1
    assert "call 4 of small in a minute is refused, but call 5" in err
    office.gateway.wrong_limit_by, office.gateway.used = 0, {}
    office.gateway.users["a"]["models"] = ["all-proxy-models"]
    code, _, err = ran(office, "verify", roster, *keys)
    assert code == 1
    assert "forbidden model: large is refused, but " in err


def test_calls_of_others_in_the_same_minute_are_told_from_a_wrong_limit(office):
    document = {"users": [{"id": "a", "rpm_limit": 5, "keys": [{"alias": "k"}]}]}
    office.apply(document)
    office.gateway.used = {"a": 2}
    roster = str(office.write(document))
    code, out, _ = ran(office, "verify", roster, "--keys", office.file.place, "--json")
    assert code == 0
    [limit] = [c for c in json.loads(out)["checks"] if c["check"] == "limit per minute"]
    assert (limit["ok"], limit["calls"]) == (True, 3)


def test_where_keys_cannot_go_nothing_is_done(office):
    (office.folder / "keys.json").write_text("my diary")
    plan = office.plan(BEFORE)
    with pytest.raises(DeliveryError, match="no file of keys"):
        list(Applier(office.admin, office.file, office.gateway.url).apply(plan))
    assert office.gateway.users == {}
    assert (office.folder / "keys.json").read_text() == "my diary"


def test_rotation_carries_the_spend_on(office):
    document = {"users": [{"id": "a", "keys": [{"alias": "k", "max_budget": 1}]}]}
    office.apply(document)
    office.gateway.key_by_alias("k")["spend"] = 0.75
    document["users"][0]["keys"][0]["rotate"] = True
    office.apply(document)
    assert office.gateway.key_by_alias("k")["spend"] == 0.75
