from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gateway_lib.proxies import past_proxies

NEAR = "localhost,127.0.0.1,169.254.169.254"


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({}, NEAR),
        (
            {"no_proxy": "corp.example, 127.0.0.1"},
            "corp.example,127.0.0.1,localhost,169.254.169.254",
        ),
        ({"no_proxy": "a", "NO_PROXY": "b,,a"}, f"a,b,{NEAR}"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_what_the_environment_says_is_kept_and_loopback_added(given, value):
    assert past_proxies(given) == {"no_proxy": value, "NO_PROXY": value}


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_clients_reach_loopback_past_a_proxy_that_does_not_answer(stack, variable):
    code = (
        "import openai; print(openai.OpenAI(max_retries=0).models.list().data[0].id);"
        "import boto3; print(boto3.client('bedrock-runtime').meta.region_name)"
    )
    proxied = {variable: "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **proxied, **stack.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["gpt-4o", "us-east-1"]
