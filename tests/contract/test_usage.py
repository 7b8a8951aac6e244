"""Tokens as AWS counts them: what the cache gave or took is not among ``inputTokens``."""

from __future__ import annotations

import pytest

from tests.contract.models import HAIKU_4_5, OPENAI
from tests.contract.turns import assistant, user

POINT = {"cachePoint": {"type": "default"}}


@pytest.fixture
def prefix(marker):
    return f"{marker} " + "the quick brown fox jumps over the lazy dog " * 800


def test_a_cache_point_writes_then_reads(strict, operation, prefix):
    body = {"system": [{"text": prefix}, POINT], "messages": [user("First question")]}
    first = strict.ask(operation, HAIKU_4_5, body)
    second = strict.ask(operation, HAIKU_4_5, {**body, "messages": [user("Another question")]})
    written = first.usage["cacheWriteInputTokens"]
    assert written > 4096
    assert first.usage.get("cacheReadInputTokens", 0) == 0
    assert second.usage["cacheReadInputTokens"] == written
    assert second.usage.get("cacheWriteInputTokens", 0) == 0
    assert second.usage["inputTokens"] < 50


def test_a_cache_point_in_a_message(strict, operation, prefix, provider, marker):
    turns = [user(prefix, POINT), assistant("Read."), user("First question")]
    first = strict.ask(operation, HAIKU_4_5, {"messages": turns})
    assert first.usage["cacheWriteInputTokens"] > 4096
    assert provider.only(marker).body["messages"][0]["content"][-1] == POINT


def test_a_cache_point_among_tools(strict, operation, provider, marker):
    spec = {"name": "lookup", "description": marker, "inputSchema": {"json": {"type": "object"}}}
    config = {"tools": [{"toolSpec": spec}, POINT]}
    strict.ask(operation, HAIKU_4_5, {"messages": [user("Hello")], "toolConfig": config})
    assert provider.only(marker).body["toolConfig"]["tools"][-1] == POINT


def test_a_cache_that_needs_no_points(strict, operation, prefix):
    """OpenAI caches by itself and counts cached tokens among the prompt's."""
    first, second = (
        strict.ask(operation, OPENAI, {"messages": [user(prefix), assistant("Read."), user(words)]})
        for words in ("First question", "Another question")
    )
    assert first.usage.get("cacheReadInputTokens", 0) == 0
    assert second.usage["cacheReadInputTokens"] > 1024
    assert second.usage["inputTokens"] < 50
    assert abs(second.usage["totalTokens"] - first.usage["totalTokens"]) < 150


def test_cache_points_are_fine_where_they_mean_nothing(strict, operation, marker):
    body = {"system": [{"text": "Be brief."}, POINT], "messages": [user(f"echo: {marker}", POINT)]}
    assert strict.ask(operation, OPENAI, body).text == marker
