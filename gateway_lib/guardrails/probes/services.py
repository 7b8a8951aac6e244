"""Probes of the guardrail's service (down, slow, refusing) and of streams that it speaks up in too late."""

from __future__ import annotations

import json
from typing import Any

from gateway_lib.guardrails.probes.asking import CLOSED, OPEN, UNTRIED, Asker, Probed, judged

_SLOW_SECONDS = 8.0


def service_down(ask: Asker) -> Probed:
    """The service answers with errors."""
    return _failing(ask, "service_down", kind="status", status=500)


def service_throttled(ask: Asker) -> Probed:
    """The service refuses for there being too many calls."""
    return _failing(ask, "service_throttled", kind="status", status=429)


def service_slow(ask: Asker) -> Probed:
    """The service takes longer than a call may wait for it."""
    return _failing(ask, "service_slow", kind="latency", seconds=_SLOW_SECONDS)


def _failing(ask: Asker, name: str, **fault: Any) -> Probed:
    if not ask.target.simulator:
        return Probed(name, UNTRIED, "only the local stack's guardrail can be made to fail")
    with ask.broken(**fault):
        return judged(name, ask.chat(**ask.named))


def streamed(ask: Asker) -> Probed:
    """The answer streams, and is blocked when a part of it is there already."""
    return _streamed(ask, "streamed", model=ask.target.model, **ask.named)


def streamed_async(ask: Asker) -> Probed:
    """Bedrock is asked to check a stream on its way (`streamProcessingMode: async`)."""
    config = {**ask.config, "streamProcessingMode": "async"}
    return _streamed(ask, "streamed_async", model=ask.target.bedrock_model, guardrailConfig=config)


def _streamed(ask: Asker, name: str, **fields: Any) -> Probed:
    if not ask.target.withheld:
        return Probed(name, UNTRIED, "no text is known that is blocked in answers only")
    marks = [f"{ask.nonce}{number}" for number in range(30)]
    text = f"echo: {' '.join(marks)} {ask.target.withheld}"
    said = ask.chat(text, stream=True, enable_history=False, **fields)
    text = _text(said.text)
    leaked = sum(mark in text.split() for mark in marks)
    if leaked:
        return Probed(
            name, OPEN, f"{leaked} words of an answer that was to be blocked came through"
        )
    return Probed(name, CLOSED, f"HTTP {said.status}, no word of the answer came through")


def _text(stream: str) -> str:
    """What the events of a stream say."""
    said = []
    for line in stream.splitlines():
        try:
            chunk = json.loads(line.removeprefix("data:"))
            said += [choice["delta"].get("content") or "" for choice in chunk.get("choices") or ()]
        except (ValueError, KeyError, AttributeError):
            continue
    return "".join(said)
