"""What a call of a model may cost at most, by LiteLLM's prices for it.

Of several prices that may apply, as for a cached, long or hurried input, the highest is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from middleware.budgets.errors import CostUnknown
from middleware.budgets.money import MOST, nano
from middleware.budgets.usage import Usage

_ABOVE = re.compile(r"above_(\d+)k_tokens")
_UPLIFT = re.compile(r"(?:regional_processing|regional_endpoint)_uplift_multiplier")
_INPUT = ("input_cost_per_", "cache_creation_input_", "cache_read_input_")
_OUTPUT = ("output_cost_per_",)
_PER_TOKEN = re.compile(r"(?:per_(?:audio_|image_|video_|reasoning_)?token|_token_cost)(?:_|$)")
_MODAL = re.compile(r"(?:audio|image|video)")


@dataclass(frozen=True, slots=True)
class Price:
    """The prices of every deployment that may serve a call, and what limits its size."""

    costs: Mapping[str, float] = field(default_factory=dict)
    """The highest of each of LiteLLM's prices."""
    max_input: int | None = None
    max_output: int | None = None
    uplift: float = 1.0
    known: bool = False
    """Whether every one of the deployments has a price."""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """The price in a deployment's `model_info`."""
        costs = dict(_costs(info))
        tiers = info.get("tiered_pricing")
        for tier in tiers if isinstance(tiers, list) else ():
            for name, value in _costs(tier if isinstance(tier, dict) else {}):
                costs[name] = max(value, costs.get(name, 0.0))
        uplifts = [value for name, value in info.items() if _UPLIFT.match(name) and _number(value)]
        return cls(
            costs,
            _count(info.get("max_input_tokens")),
            _count(info.get("max_output_tokens")),
            max([1.0, *uplifts]),
            known=any(costs.values()),
        )

    @classmethod
    def highest(cls, prices: Iterable[Price]) -> Price:
        """One that none of `prices` exceeds; not known where one of them is not, or there is none."""
        found = list(prices)
        costs: dict[str, float] = {}
        for price in found:
            for name, value in price.costs.items():
                costs[name] = max(value, costs.get(name, 0.0))
        return Price(
            costs,
            _largest(price.max_input for price in found),
            _largest(price.max_output for price in found),
            max((price.uplift for price in found), default=1.0),
            known=bool(found) and all(price.known for price in found),
        )

    def bound(self, model: str, usage: Usage) -> int:
        """Nano-dollars that a call of this size costs at most.

        Raises:
            CostUnknown: there is no price, or no limit of what it is a price of.
        """
        if not self.known:
            raise CostUnknown(
                f"The gateway has no price for the model {model!r}, and this caller has a budget for it."
            )
        read = self._input(model, usage)
        total = read * self._highest(_INPUT, read, modal=usage.has_media)
        total += usage.answers * self._written(model, usage, read)
        total += self._units(model, usage.units)
        total += sum(self.costs.get(f"input_cost_per_{each}", 0.0) for each in ("query", "request"))
        amount = nano(total * self.uplift)
        if amount >= MOST:
            raise CostUnknown("This call could cost more than any budget.")
        return amount

    def _input(self, model: str, usage: Usage) -> int:
        read, window = usage.input_tokens, self.max_input
        if not usage.is_opaque:
            return read if window is None else min(read, window * usage.inputs)
        if window is None and self._highest(_INPUT, 0, modal=True):
            raise CostUnknown(
                f"What this call refers to may be of any size, and the gateway does not know how much the "
                f"model {model!r} reads at most."
            )
        return window or 0

    def _written(self, model: str, usage: Usage, read: int) -> float:
        if not usage.writes:
            return 0.0
        rate = self._highest(_OUTPUT, read, modal=usage.has_media)
        most = usage.output_tokens or self.max_output
        if most is None and rate:
            raise CostUnknown(
                f"The gateway does not know how much the model {model!r} writes at most: give max_tokens."
            )
        return ((most or 0) + usage.predicted_tokens) * rate

    def _units(self, model: str, units: Mapping[str, int]) -> float:
        """The price of what is not counted in tokens: images, characters, seconds, queries."""
        total, is_known = 0.0, not units
        for unit, amount in units.items():
            name = re.compile(rf"_per_{unit}(?:_(?!token)|$)")
            rates = [value for each, value in self.costs.items() if name.search(each)]
            total += amount * max(rates, default=0.0)
            is_known = is_known or bool(rates)
        if not is_known and not any(_PER_TOKEN.search(name) for name in self.costs):
            raise CostUnknown(
                f"The gateway has no price per {' or '.join(units)} for the model {model!r}."
            )
        return total

    def _highest(self, prefixes: tuple[str, ...], read: int, *, modal: bool) -> float:
        """The highest rate per token that may apply when so many are read."""
        found = 0.0
        for name, value in self.costs.items():
            if not name.startswith(prefixes) or not _PER_TOKEN.search(name):
                continue
            above = _ABOVE.search(name)
            if above and read <= int(above[1]) * 1000:
                continue
            if not modal and _MODAL.search(name):
                continue
            found = max(found, value)
        return found


def _costs(info: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """All prices but those of batches, which are made on other paths."""
    for name, value in info.items():
        if "cost" in name and "batches" not in name and (number := _number(value)):
            yield name, number


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and value > 0 else None


def _count(value: Any) -> int | None:
    return int(value) if type(value) in (int, float) and value > 0 else None


def _largest(counts: Iterable[int | None]) -> int | None:
    """The largest; None where one of them is not known."""
    found = list(counts)
    known = [count for count in found if count is not None]
    return max(known) if known and len(known) == len(found) else None
