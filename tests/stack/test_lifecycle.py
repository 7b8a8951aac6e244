"""The stack as a user handles it: `gateway up | status | env | down`, and parts that are killed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import certifi
import httpx
import psutil
import pytest

from tests.conftest import wait_until

GATEWAY = [sys.executable, "-m", "gateway_lib"]
COMPONENTS = ["postgres", "redis", "simulator", "litellm", "middleware", "middleware-tls"]


def gateway(*arguments, state, check=True, **options):
    result = subprocess.run(
        [*GATEWAY, *arguments, "--state", str(state)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert not check or result.returncode == 0, result.stderr
    return result


def status(state):
    return json.loads(gateway("status", "--json", state=state, check=False).stdout)


def processes_of(state) -> set[int]:
    """Every process that has the state folder in its command line or environment, or descends from one."""
    found = set()
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(
                str(state) in word for word in words
            ):
                found |= {process.pid, *(child.pid for child in process.children(recursive=True))}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found - {os.getpid()}


@pytest.fixture(scope="module")
def proxy():
    """A proxy that serves nothing; the addresses it was asked for."""
    asked: list[str] = []

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self):
            asked.append(self.rfile.readline().decode())
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.fixture(scope="module")
def second(tmp_path_factory, stack, proxy):
    """A stack beside the session's, started twice at once by the command line, behind a proxy.

    The tests below kill its parts.
    """
    state = tmp_path_factory.mktemp("second")
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy[0])
    starts = [
        subprocess.Popen(
            [*GATEWAY, "up", "--detach", "--state", str(state)],
            env={**os.environ, **proxies},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    shown = set()
    while any(start.poll() is None for start in starts):
        shown |= command_lines()
        time.sleep(0.05)
    refused, started = sorted(
        (start.communicate() for start in starts), key=lambda out: len(out[1])
    )
    assert refused[1].startswith("gateway: a stack already runs in") and refused[1].count("\n") == 1
    assert "ready to serve" not in started[0] and 'eval "$(gateway env)"' in started[1]
    secrets = json.loads((state / "secrets.json").read_text()).values()
    assert not [line for line in shown if any(secret in line for secret in secrets)]
    yield state
    gateway("down", state=state)
    assert processes_of(state) == set()


def test_two_stacks_run_side_by_side_and_share_nothing(stack, second):
    mine, other = stack.environment, environment(second)
    ports = {component["port"] for component in status(second)["components"]}
    assert not ports & {component["port"] for component in status(stack.state.path)["components"]}
    for settings, key, expected in ((mine, mine, 200), (other, other, 200), (other, mine, 401)):
        response = httpx.get(
            f"{settings['GATEWAY_BASE_URL']}/v1/models",
            headers={"Authorization": f"Bearer {key['GATEWAY_API_KEY']}"},
            timeout=60,
        )
        assert response.status_code == expected


def test_status_lists_components_ports_and_health(second):
    found = status(second)
    assert [component["name"] for component in found["components"]] == COMPONENTS
    assert found["running"] and found["healthy"] and found["status"] == "ready"
    for component in found["components"]:
        assert component["status"] == "ready" and psutil.pid_exists(component["pid"])
        with socket.create_connection(("127.0.0.1", component["port"]), timeout=2):
            pass
    table = gateway("status", state=second).stdout
    assert all(name in table for name in COMPONENTS) and "ready to serve" in table


def test_env_is_what_a_shell_evaluates(second):
    settings = environment(second)
    script = 'eval "$(%s env --state %s)"; echo "$OPENAI_BASE_URL|$OPENAI_API_KEY|$AWS_CA_BUNDLE"'
    command = script % (shlex.join(GATEWAY), shlex.quote(str(second)))
    base, key, bundle = (
        subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        .stdout.strip()
        .split("|")
    )
    assert base == settings["GATEWAY_BASE_URL"] + "/v1" and key == settings["GATEWAY_API_KEY"]
    assert Path(bundle).read_text().count("BEGIN CERTIFICATE") > 100
    dotenv = gateway("env", "--format", "dotenv", state=second).stdout
    assert f"GATEWAY_BASE_URL={settings['GATEWAY_BASE_URL']}" in dotenv.splitlines()


def test_the_https_door_speaks_http2_under_the_stacks_own_authority(second):
    settings = environment(second)
    context = ssl.create_default_context(cafile=settings["SSL_CERT_FILE"])
    with httpx.Client(http2=True, verify=context, timeout=60) as client:
        response = client.get(f"{settings['GATEWAY_TLS_URL']}/livez")
    assert response.status_code == 200 and response.http_version == "HTTP/2"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(
            f"{settings['GATEWAY_TLS_URL']}/livez",
            verify=ssl.create_default_context(cafile=certifi.where()),
            timeout=60,
        )


def test_a_second_stack_in_the_same_folder_is_refused(second):
    result = gateway("up", "--detach", state=second, check=False)
    assert (
        result.returncode == 1
        and "already runs" in result.stderr
        and "Traceback" not in result.stderr
    )


def test_a_port_that_is_taken_is_a_clear_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        for extra in (["--detach"], []):
            result = gateway("up", "--port", port, *extra, state=tmp_path, check=False)
            assert result.returncode == 1
            assert f"port {port} on 127.0.0.1 is in use" in result.stderr
            assert "Traceback" not in result.stderr


def test_no_secret_is_in_the_process_list_or_in_a_log(second):
    secrets = json.loads((second / "secrets.json").read_text()).values()
    listed = "\n".join(
        " ".join(psutil.Process(pid).cmdline())
        for pid in processes_of(second)
        if psutil.pid_exists(pid)
    )
    logs = "\n".join(path.read_text(errors="replace") for path in (second / "logs").iterdir())
    for secret in secrets:
        assert secret not in listed and secret not in logs


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_killed_component_comes_back_and_the_gateway_serves_again(second, name):
    settings = environment(second)
    before = {c["name"]: c for c in status(second)["components"]}
    os.kill(before[name]["pid"], signal.SIGKILL)
    wait_until(lambda: component(second, name)["pid"] not in (before[name]["pid"], None), 30)
    wait_until(lambda: status(second)["healthy"] and status(second)["status"] == "ready", 90)
    after = component(second, name)
    assert (
        after["restarts"] == before[name]["restarts"] + 1 and after["port"] == before[name]["port"]
    )
    report = (second / "logs" / "supervisor.log").read_text()
    assert f"{name} ended by SIGKILL" in report and f"{name}: restarting" in report
    wait_until(lambda: answers(settings), 20)


def test_two_parts_that_depend_on_each_other_die_at_once(second):
    before = {c["name"]: c["pid"] for c in status(second)["components"]}
    for name in ("postgres", "litellm", "middleware"):
        os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: component(second, "litellm")["pid"] not in (before["litellm"], None), 30)
    wait_until(lambda: status(second)["healthy"] and status(second)["status"] == "ready", 90)
    assert answers(environment(second))


def test_nothing_was_fetched_from_anywhere(second, proxy):
    settings = environment(second)
    key = {"Authorization": f"Bearer {settings['GATEWAY_MASTER_KEY']}"}
    pages = ("public/litellm_blog_posts", "public/autorouter_presets", "policy/templates")
    for page in pages:
        found = httpx.get(f"{settings['GATEWAY_BASE_URL']}/{page}", headers=key, timeout=30)
        assert found.status_code == 200, page
    haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert all(answers(settings, model) for model in ("gpt-4o-mini", haiku))
    assert proxy[1] == []


def test_killing_the_supervisor_leaves_no_process_and_the_folder_can_be_used_again(tmp_path):
    gateway("up", "--detach", state=tmp_path)
    supervisor = status(tmp_path)["pid"]
    assert len(processes_of(tmp_path)) >= len(COMPONENTS) + 2
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: processes_of(tmp_path) == set(), 20)
    found = status(tmp_path)
    assert found["status"] == "killed" and not found["running"]
    result = gateway("env", state=tmp_path, check=False)
    assert result.returncode == 1 and "no stack runs" in result.stderr

    key = environment_of(tmp_path)
    command = [*GATEWAY, "up", "--state", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as foreground:
        wait_until(lambda: status(tmp_path)["healthy"], 120)
        assert environment(tmp_path)["GATEWAY_API_KEY"] == key and answers(environment(tmp_path))
        foreground.send_signal(signal.SIGINT)
        said = foreground.communicate(timeout=60)[1]
    assert foreground.returncode == 0 and "stopping" in said
    assert processes_of(tmp_path) == set()


def command_lines() -> set[str]:
    return {" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])}


def environment(state):
    return json.loads(gateway("env", "--format", "json", state=state).stdout)


def environment_of(state):
    return json.loads((state / "secrets.json").read_text())["demo_key"]


def component(state, name):
    (found,) = [c for c in status(state)["components"] if c["name"] == name]
    return found


def answers(settings, model="gpt-4o-mini") -> bool:
    response = httpx.post(
        f"{settings['GATEWAY_BASE_URL']}/v1/chat/completions",
        headers={"Authorization": f"Bearer {settings['GATEWAY_API_KEY']}"},
        json={
            "model": model,
            "messages": [{"role": "user", "content": "echo: still here"}],
        },
        timeout=30,
    )
    return (
        response.is_success and response.json()["choices"][0]["message"]["content"] == "still here"
    )
