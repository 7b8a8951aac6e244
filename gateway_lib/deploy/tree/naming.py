"""Names of exports: what a template calls them, and what a manifest asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway_lib.deploy.tree.nodes import Map

SUBSTITUTION = re.compile(r"\$\{\s*([A-Za-z0-9_.:]+)\s*\}")
FORM = re.compile(r"\$\{App\}-\$\{Env\}-[A-Z][A-Za-z0-9]*")
"""How exports of addons are called, so that two environments in one account do not clash."""


def export_name(value: Any) -> str | None:
    """The text of an `Export: Name`, None where it is not a text or a plain `Fn::Sub`."""
    if isinstance(value, Map) and isinstance(value.get("Fn::Sub"), str):
        return str(value["Fn::Sub"])
    return value if isinstance(value, str) else None


def filled(name: str, values: Mapping[str, str]) -> str:
    """An export's name with `${App}` and `${Env}` put in."""
    return SUBSTITUTION.sub(lambda match: values.get(match[1], match[0]), name)
