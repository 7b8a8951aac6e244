"""Tables of checks with a known truth."""

from __future__ import annotations

from gateway_lib.guardrails.records import Check, frame_of


def check(case="a-01", expected="block", outcome="block", **more):
    defaults = {
        "call": 0,
        "category": case.split("-")[0],
        "obfuscation": "none",
        "place": "user",
        "language": "en",
        "severity": "high",
        "owasp": "LLM01",
        "guardrail": "g",
        "mode": "pre_call",
        "model": "m",
        "interface": "openai",
        "streamed": False,
        "status": 200,
        "latency_ms": 10.0,
    }
    return Check(case=case, expected=expected, outcome=outcome, **{**defaults, **more})


def table(*checks, digest="same"):
    return frame_of(checks, {"suite_digest": digest, "suite": "s", "made": len(checks)})
