"""What the replies say a request costs, beside what LiteLLM booked for it: all kinds of calls."""

from __future__ import annotations

import json

import pytest

from gateway_lib.benchmark.costs.reconciliation import TOLERANCE_USD, reconciled
from gateway_lib.benchmark.meter.workers import run
from gateway_lib.benchmark.plan.spec import spec_of
from gateway_lib.clients import AdminClient
from gateway_lib.settings import settings_of

MODELS = ["gpt-4o-mini", "amazon.nova-lite-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"]
CACHES_PROMPTS = "gpt-4o-mini"


@pytest.fixture
def prompts(tmp_path, marker):
    """Long enough for the provider's prompt cache, and of this test alone."""
    long = " ".join(["The harbour master writes every ship into the large green book."] * 130)
    lines = [{"text": f"{marker} {long} What is the capital city of Portugal? {n}"} for n in "ab"]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("interface", ["openai", "bedrock"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_replies_and_books_agree(stack, prompts, interface, stream):
    known = settings_of(stack.environment)
    spec = {
        "models": MODELS,
        "prompts": {"jsonl": prompts},
        "load": {"kind": "closed", "users": 2, "requests": 24},
        "interface": interface,
        "stream": stream,
        "warmups": 0,
        "seed": 5,
    }
    with AdminClient(known) as admin:
        fresh = reconciled(admin, run(spec_of(spec), known))
        assert fresh.records["ok"].all() and not len(fresh.missing)
        assert not fresh.cache_hits.any(), "the response cache was to be bypassed"
        assert not len(fresh.differing)
        assert fresh.difference_usd.abs().max() <= TOLERANCE_USD
        assert (fresh.records["cost_usd"] > 0).all()
        assert set(fresh.records["cost_source"]) == {"spend log"}
        cached = fresh.records["tokens_cached"].astype(float).fillna(0)
        of_the_one = fresh.records["model"] == CACHES_PROMPTS
        assert cached[of_the_one].max() > 1000, "prompts were read from the provider's cache"
        prices = fresh.records.loc[of_the_one, "cost_usd"]
        assert prices.min() < 0.75 * prices.max(), "and cost less"

        # the same again, and the response cache may answer: the reply still tells the full price
        again = reconciled(admin, run(spec_of({**spec, "cache": "use"}), known))
        twice = reconciled(admin, run(spec_of({**spec, "cache": "use"}), known))
    assert again.records["ok"].all() and twice.cache_hits.all()
    assert (twice.records["cost_usd"] == 0).all(), "what counts is the log"
    told = twice.records["cost_told_usd"].dropna()
    assert len(told) and (told > 0).all(), "the reply says otherwise"
    assert "booked at nothing" in twice.words()
