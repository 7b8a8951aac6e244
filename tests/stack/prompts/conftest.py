"""Either interface for prompts, and what was asked of GetPrompt."""

from __future__ import annotations

import httpx
import pytest

from .interfaces import OverBedrock, OverOpenAI


@pytest.fixture(params=["openai", "openai stream", "bedrock", "bedrock stream"])
def api(request, caller):
    kind = OverOpenAI if request.param.startswith("openai") else OverBedrock
    return kind(caller, request.param.endswith("stream"))


@pytest.fixture(params=["openai", "bedrock"])
def plainly(request, caller):
    return (OverOpenAI if request.param == "openai" else OverBedrock)(caller, False)


@pytest.fixture
def journal(stack):
    """The calls of GetPrompt for a prompt."""
    url = f"{stack.environment['GATEWAY_SIMULATOR_URL']}/control/received"

    def calls(prompt_id):
        received = httpx.get(url, params={"model": prompt_id}, trust_env=False, timeout=60).json()
        return [entry for entry in received if entry["operation"] == "get-prompt"]

    return calls
