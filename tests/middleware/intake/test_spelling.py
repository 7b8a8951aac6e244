"""Paths that somebody may read in another way are refused, and model ids with slashes are not."""

from __future__ import annotations

import pytest

from middleware.intake.errors import PathMisspelt
from middleware.intake.spelling import refuse_misspelt

from .conftest import callers

MISSPELT = [
    "/v1/../key/generate",
    "/v1/%2e%2e/key/generate",
    "/v1/%2E./key/generate",
    "/v1/..%2fkey/generate",
    "/v1/..;/key/generate",
    "/v1/.;x/key/generate",
    "/./key/generate",
    "/key/./generate",
    "/key/generate/..",
    "/bedrock/../key/generate",
    "/bedrock/model/../../key/generate",
    "/bedrock/model/a%2F..%2F..%2Fkey/converse",
    "/bedrock%2Fmodel/claude/converse",
    "/v1/chat%2Fcompletions",
    "/engines/m/chat%2fcompletions",
    "/%6bey/generate",
    "/key/generat%65",
    "/key/generate%00",
    "/key/generate%0d%0ax:%20y",
    "/key%5cgenerate",
    "/key\\generate",
    "/%252e%252e/key/generate",
    "/v1/%252e%252e%252fkey/generate",
    "/key/generate%",
    "/key/generate%zz",
    "/key/generate%ff",
    "/key/generate%ed%a0%80",
    "*",
]
PLAIN = [
    "/v1/models/meta-llama%2FLlama-3",
    "/bedrock/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aprompt%2FABCDEFGHIJ%3A1/converse",
    "/openai/deployments/azure%2Fgpt/chat/completions",
    "/v1beta/models/gemini-2.5-pro:generateContent",
    "/.well-known/openid-configuration",
    "/ui/_next/static/a...b.js",
    "/user/info/%C3%A4",
    "/key/a%25b",
    "//v1/models",
    "/sessions/~a-b_c.d",
]


@pytest.mark.parametrize("path", MISSPELT)
async def test_nobody_gets_what_is_misspelt(wire, origin, path):
    answer = await wire.ask(path)
    assert answer.status == 400, answer
    assert answer.code(path) in ("invalid_path", "ValidationException")
    assert callers(origin) == []


@pytest.mark.parametrize("path", PLAIN)
def test_what_is_plain_passes(path):
    refuse_misspelt(path.encode())


def test_a_path_is_refused_by_what_it_says_not_by_its_length():
    refuse_misspelt(b"/a" * 20_000)
    with pytest.raises(PathMisspelt):
        refuse_misspelt(b"/a" * 20_000 + b"/../b")
