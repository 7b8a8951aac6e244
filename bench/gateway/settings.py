"""The settings that were tried, each alone on top of LiteLLM's defaults, and what became of it."""

from __future__ import annotations

from bench.gateway.variants import Variant

DEFAULT = Variant("LiteLLM's defaults")
DEPLOYED = Variant("all that are used, as deployed", deployed=True)

TRIED = [
    Variant(
        "`PYTHON_GC_THRESHOLD=50000,20,50`",
        variables={"PYTHON_GC_THRESHOLD": "50000,20,50"},
        verdict="used in the local stack, for CPython 3.11 crashes less often with it",
    ),
    Variant(
        "`proxy_batch_write_at: 60`",
        settings={"general_settings": {"proxy_batch_write_at": 60}},
        verdict="not used: within the noise, and a killed LiteLLM would lose a minute of spend",
    ),
    Variant(
        "`SPEND_LOG_QUEUE_POLL_INTERVAL=20`",
        variables={"SPEND_LOG_QUEUE_POLL_INTERVAL": "20"},
        verdict="not used: nothing is gained",
    ),
    Variant(
        "`proxy_config_reload_interval_seconds: 300`",
        settings={"general_settings": {"proxy_config_reload_interval_seconds": 300}},
        verdict="not used: a replica that misses a message would be without a new guardrail for as long",
    ),
    Variant(
        "`LITELLM_LOG=ERROR`",
        variables={"LITELLM_LOG": "ERROR"},
        verdict="used: warnings quote what callers say",
    ),
    Variant(
        "`--run_granian`",
        options=["--run_granian"],
        verdict="not used",
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
    Variant(
        "all that are used, and promises off (below)",
        variables={"SPEND_LOG_QUEUE_POLL_INTERVAL": "20", "LITELLM_LOG": "ERROR"},
        settings={
            "general_settings": {
                "proxy_batch_write_at": 60,
                "proxy_config_reload_interval_seconds": 300,
                "disable_spend_logs": True,
                "disable_budget_reservation": True,
                "cancel_on_disconnect": False,
            },
            "litellm_settings": {"cache": False, "callbacks": []},
            "router_settings": {"enable_pre_call_checks": False, "optional_pre_call_checks": []},
        },
        verdict="not used: what it would take",
    ),
]
