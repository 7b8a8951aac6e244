"""Which ways of checking there are, and which calls a plan makes of them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway_lib.clients import GatewayClient
from gateway_lib.errors import GatewayUnreachable, GuardrailError, UnknownGuardrail
from gateway_lib.guardrails.planning import Plan, digest, plan
from gateway_lib.guardrails.suite import load_suite
from gateway_lib.guardrails.ways import ways_of
from gateway_lib.settings import settings_of

LISTED = [
    {"guardrail_name": "first", "litellm_params": {"mode": ["pre_call", "post_call"]}},
    {"guardrail_name": "second", "litellm_params": {"mode": "during_call"}},
    {"guardrail_name": "other", "litellm_params": {"guardrail": "presidio", "mode": "pre_call"}},
]
for entry in LISTED[:2]:
    entry["litellm_params"] |= {"guardrailIdentifier": "abc", "guardrailVersion": "3"}


@pytest.fixture
def gateway():
    """A gateway that lists guardrails under the path it is told."""

    class Lists(BaseHTTPRequestHandler):
        path_listed = "/v2/guardrails/list"

        def do_GET(self):
            found = self.path == Lists.path_listed
            body = json.dumps({"guardrails": LISTED} if found else {"error": "no"}).encode()
            self.send_response(200 if found else 403)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    settings = settings_of({"GATEWAY_BASE_URL": url, "GATEWAY_API_KEY": "sk-test"})
    yield settings, Lists
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(gateway):
    with GatewayClient(gateway[0], "sk-test") as opened:
        yield opened


def test_named_ways_know_their_modes_and_whether_converse_can_name_them(client):
    first, second, other = ways_of(["first", "second", "other"], client)
    assert (first.mode, second.mode) == ("pre_call+post_call", "during_call")
    assert first.in_converse and not second.in_converse and not other.in_converse
    assert first.config(stream=True) == {"guardrailIdentifier": "abc", "guardrailVersion": "3"}


def test_configured_ways_ask_for_the_trace_and_for_how_streams_are_checked(client):
    held, unbuffered = ways_of(["bedrock/abc/3", "bedrock/abc/3/async"], client)
    assert held.is_config and not held.named
    assert held.config(stream=False)["trace"] == "enabled"
    assert held.config(stream=True)["streamProcessingMode"] == "sync"
    assert unbuffered.config(stream=True)["streamProcessingMode"] == "async"
    assert "streamProcessingMode" not in unbuffered.config(stream=False)


@pytest.mark.parametrize("name", ["no-such", "bedrock/abc", "bedrock//3", "bedrock/abc/3/fast"])
def test_what_is_no_guardrail_is_refused(client, name):
    with pytest.raises(UnknownGuardrail, match=r"bedrock/ID/VERSION|it has first, other, second"):
        ways_of([name], client)


def test_the_older_list_serves_and_no_list_is_an_error(gateway, client):
    gateway[1].path_listed = "/guardrails/list"
    assert ways_of(["first"], client)[0].named == "first"
    gateway[1].path_listed = "/nowhere"
    with pytest.raises(GatewayUnreachable, match="does not tell which guardrails"):
        ways_of(["first"], client)
    assert ways_of(["bedrock/abc/3"], client)[0].identifier == "abc"


def test_a_plan_asks_everything_once_and_harmless_cases_also_unguarded(gateway):
    suite = load_suite("starting").sample(20, seed=2)
    names = ["first", "second", "bedrock/abc/3"]
    wanted = plan(suite, names, model="m", bedrock_model="b", seed=1, settings=gateway[0])
    calls = wanted.calls()
    assert len(set(calls)) == len(calls)
    asked = Counter((call.way.name, call.interface, call.streamed) for call in calls)
    harmless = sum(case.expected == "allow" for case in suite.cases)
    assert asked[("first", "bedrock", True)] == asked[("second", "openai", False)] == 20
    assert asked[("second", "bedrock", True)] == 0 and wanted.left_out() == ("second",)
    assert asked[("none", "bedrock", False)] == 2 * harmless, "once per model"
    assert {call.model for call in calls if call.way.is_config} == {"b"}
    again = plan(suite, names, model="m", bedrock_model="b", seed=1, settings=gateway[0])
    other = Plan(**{**vars(wanted), "seed": 2})
    assert again.calls() == calls != other.calls()
    assert digest(suite) != digest(load_suite("starting"))


def test_nothing_to_ask_is_refused(gateway):
    suite = load_suite("starting")
    for fields in ({"interfaces": ["grpc"]}, {"interfaces": []}, {"streamed": []}):
        with pytest.raises(GuardrailError):
            plan(suite, ["first"], settings=gateway[0], **fields)
    with pytest.raises(UnknownGuardrail, match="no guardrail is named"):
        plan(suite, [], settings=gateway[0])
