"""Calls that are refused, that break off and that nobody answers, with the real clients on real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway_lib.errors import ExperimentError
from gateway_lib.experiments import routing
from gateway_lib.experiments.routing.calls import BROKEN
from gateway_lib.local import ports
from gateway_lib.settings import Settings, settings_of

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}


class Gateway(BaseHTTPRequestHandler):
    """Refuses `busy`, breaks off the stream of `breaks`, for both interfaces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = body.get("model") or self.path.split("/")[3]
        if model == "busy":
            error = {"error": {"message": "all deployments are at their limit"}, "message": "limit"}
            self._send(429, json.dumps(error).encode(), "application/json")
            return
        events = [json.dumps(CHUNK), json.dumps({"error": {"message": "the provider broke off"}})]
        text = "".join(f"data: {event}\n\n" for event in events)
        self._send(200, text.encode(), "text/event-stream")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-litellm-attempted-fallbacks", "2")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def settings() -> Iterator[Settings]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield settings_of({"GATEWAY_BASE_URL": url, "GATEWAY_API_KEY": "sk-of-somebody"})
        server.shutdown()


@pytest.mark.parametrize("interface", ["openai", "bedrock"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_is_a_row(settings, interface, streamed):
    served = routing.count("busy", 3, interface=interface, streamed=streamed, settings=settings)
    assert list(served["status"]) == [429] * 3 and list(served["fallbacks"]) == [2] * 3
    assert set(served["deployment"]) == {""} and served["error"].str.contains("limit").all()


def test_a_stream_that_ends_in_an_error_is_no_answer(settings):
    served = routing.count("breaks", 2, streamed=True, settings=settings)
    assert list(served["status"]) == [BROKEN] * 2
    assert routing.shares(served, {}).loc["refused", "calls"] == 2


@pytest.mark.parametrize("interface", ["openai", "bedrock"])
def test_a_gateway_that_does_not_answer_is_no_result(interface):
    url = f"http://127.0.0.1:{ports.choose()}"
    nowhere = settings_of({"GATEWAY_BASE_URL": url, "GATEWAY_API_KEY": "sk-of-somebody"})
    with pytest.raises(ExperimentError, match="m: "):
        routing.count("m", 1, interface=interface, settings=nowhere)
