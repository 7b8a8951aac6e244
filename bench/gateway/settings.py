"""The settings that were tried, each alone on top of LiteLLM's defaults, and what became of it."""

from __future__ import annotations

from bench.gateway.variants import Variant

DEFAULT = Variant("LiteLLM's defaults")
DEPLOYED = Variant("all that is deployed", deployed=True)

TRIED = [
    Variant(
        "`PYTHON_GC_THRESHOLD=50000,20,50`",
        variables={"PYTHON_GC_THRESHOLD": "50000,20,50"},
        verdict="used: the collector of garbage runs less often",
    ),
    Variant(
        "`proxy_batch_write_at: 60`",
        settings={"general_settings": {"proxy_batch_write_at": 60}},
        verdict="used in AWS",
    ),
    Variant(
        "`LITELLM_LOG=ERROR`",
        variables={"LITELLM_LOG": "ERROR"},
        verdict="used: no line for each request, which the middleware's log has",
    ),
    Variant(
        "`--run_granian`",
        options=["--run_granian"],
        verdict="",
    ),
    Variant(
        "`use_redis_transaction_buffer: true`",
        settings={"general_settings": {"use_redis_transaction_buffer": True}},
        verdict="",
    ),
    Variant(
        "`DISABLE_AIOHTTP_TRANSPORT=True`",
        variables={"DISABLE_AIOHTTP_TRANSPORT": "True"},
        verdict="not used: httpx in the place of aiohttp",
    ),
    Variant(
        "`disable_spend_logs: true`",
        settings={"general_settings": {"disable_spend_logs": True}},
        verdict="not used: no call would be in the log of spend",
    ),
    Variant(
        "`cache: false`",
        settings={"litellm_settings": {"cache": False}},
        verdict="not used: the same question would cost twice",
    ),
    Variant(
        "`disable_budget_reservation: true`",
        settings={"general_settings": {"disable_budget_reservation": True}},
        verdict="not used: calls at the same time could overspend a budget",
    ),
]
