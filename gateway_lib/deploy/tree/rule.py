"""The rules of `gateway validate`: a stable name, how bad a breach is, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_lib.findings import Severity

_RULES: dict[str, Rule] = {}


@dataclass(frozen=True, order=True)
class Rule:
    """What the tree must keep to."""

    name: str
    """`kind/of-fault`; never changes, since people look it up and machines compare it."""
    asks: str
    """What is right, in words, as docs/validate.md says it."""
    severity: Severity = Severity.ERROR


def rule(name: str, asks: str, severity: Severity = Severity.ERROR) -> Rule:
    """Make a rule known. Each name is given once."""
    if name in _RULES:
        raise ValueError(f"two rules are called {name}")
    _RULES[name] = Rule(name, asks, severity)
    return _RULES[name]


def known_rules() -> list[Rule]:
    """Every rule of the modules imported so far, by name."""
    return sorted(_RULES.values())
