"""The command line: start, stop, clear errors."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

COMMAND = [sys.executable, "-m", "gateway_lib.simulator"]


def test_stops_at_once_even_with_streams_open(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*COMMAND, "--port", str(port)], stderr=subprocess.PIPE, text=True)
    base = f"http://127.0.0.1:{port}"
    for _ in range(400):
        try:
            httpx.get(f"{base}/livez", timeout=60)
            break
        except httpx.TransportError:
            time.sleep(0.05)
    httpx.put(f"{base}/control/faults", json=[{"kind": "hang", "after_tokens": 2}])
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    url = f"{base}/openai/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers={"authorization": "Bearer k"}) as reply:
        lines = reply.iter_lines()
        next(lines)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
    process.communicate(timeout=10)
    assert process.returncode in (0, -signal.SIGTERM)
    assert time.monotonic() - start < 5


def test_port_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True)
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def test_wrong_configuration(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("seed: many\n")
    result = subprocess.run(
        [*COMMAND, "--port", "1", "--config", str(path)], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "seed: Input should be a valid integer" in result.stderr
    assert "models: Field required" in result.stderr
    assert "Traceback" not in result.stderr
