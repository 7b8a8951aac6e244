"""Versions of LiteLLM."""

from __future__ import annotations

from .fault import BASE, Fault

FAULTS = [
    Fault(
        "the trojanised version", "litellm/denied", BASE, "replace every secret", litellm="1.82.7"
    ),
    Fault(
        "the other trojanised version",
        "litellm/denied",
        BASE,
        "replace every secret",
        litellm="1.82.8",
    ),
    Fault("an old version", "litellm/too-old", BASE, "1.106 or newer", litellm="1.83.6"),
]
