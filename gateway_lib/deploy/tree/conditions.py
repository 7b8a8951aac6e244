"""Conditions of templates, as far as the name of the environment decides them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_lib.deploy.tree.nodes import Map


def holds(condition: Any, conditions: Map, parameters: Mapping[str, str]) -> bool | None:
    """Whether a condition is true; None where it depends on what is known in AWS only."""
    if isinstance(condition, str):
        return holds(conditions.get(condition), conditions, parameters)
    if not isinstance(condition, Map) or len(condition) != 1:
        return None
    [(function, value)] = condition.items()
    if function == "Condition":
        return holds(value, conditions, parameters)
    if function == "Fn::Equals" and isinstance(value, list) and len(value) == 2:
        first, second = (_text(one, parameters) for one in value)
        return None if first is None or second is None else first == second
    inner = [holds(one, conditions, parameters) for one in value] if isinstance(value, list) else []
    if function == "Fn::Not" and len(inner) == 1:
        return None if inner[0] is None else not inner[0]
    if function == "Fn::And" and inner:
        return False if False in inner else None if None in inner else True
    if function == "Fn::Or" and inner:
        return True if True in inner else None if None in inner else False
    return None


def _text(value: Any, parameters: Mapping[str, str]) -> str | None:
    if isinstance(value, Map):
        return parameters.get(str(value.get("Ref")))
    return value if isinstance(value, str) else None
