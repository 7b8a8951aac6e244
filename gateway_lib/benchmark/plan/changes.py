"""Changes to a spec, as one types them: `load.rate_rps=20`, `models=a,b`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from gateway_lib.benchmark.plan.spec import Spec, spec_of
from gateway_lib.errors import SpecError


def changed(spec: Spec, changes: Sequence[str]) -> Spec:
    """A spec with some fields changed; the path of a field is its names with dots.

    Values are YAML; for `models` words with commas will do. `load.x` is the field of every step.

    Raises:
        SpecError: A change is not of the form name=value, or its outcome cannot be measured.
    """
    document = spec.model_dump(mode="json", exclude_none=True)
    for change in changes:
        path, equals, text = change.partition("=")
        names = path.strip().split(".")
        if not equals or not all(names):
            raise SpecError(f"-s takes name=value, for example -s seed=2, not {change!r}")
        _set(document, names, _value(names, text.strip()), change)
    return spec_of(document, "spec as changed")


def _value(names: list[str], text: str) -> Any:
    if names == ["models"] and not text.startswith("["):
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _set(place: Any, names: list[str], value: Any, change: str) -> None:
    first, *rest = names
    if isinstance(place, list):
        for each in place:
            _set(each, names, value, change)
    elif not isinstance(place, dict):
        raise SpecError(f"-s {change}: no field has fields of its own there")
    elif rest:
        _set(place.setdefault(first, {}), rest, value, change)
    else:
        place[first] = value
        # a load is as long as one of these says, and the other one gives way
        if value is not None and first in _LENGTHS:
            place.pop(_LENGTHS[first], None)


_LENGTHS = {"seconds": "requests", "requests": "seconds"}
