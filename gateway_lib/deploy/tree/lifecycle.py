"""Until when Lambda takes which runtime: the dates that cfn-lint carries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Lifecycle:
    """The dates of one runtime; None where none is known."""

    deprecated: date | None
    create_block: date | None
    successor: str | None

    def ended(self, today: date) -> bool:
        """Whether the runtime is deprecated, and with it on its way to where no stack can be made."""
        return self.deprecated is not None and self.deprecated <= today

    def told(self) -> str:
        """When it ended and when it is blocked, in words."""
        block = (
            f", and from {self.create_block} no function is made with it"
            if self.create_block
            else ""
        )
        return f"deprecated since {self.deprecated}{block}"


@lru_cache(maxsize=1)
def lifecycles() -> dict[str, Lifecycle]:
    """By name of the runtime. Read without importing cfn-lint, which takes two seconds."""
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(next(iter(spec.submodule_search_locations))) / "data" / "AdditionalSpecs"
    found = json.loads((folder / "LmbdRuntimeLifecycle.json").read_text())
    return {
        name: Lifecycle(_date(one["deprecated"]), _date(one["create-block"]), one["successor"])
        for name, one in found.items()
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
