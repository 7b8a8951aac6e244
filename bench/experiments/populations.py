"""Users and their calls, drawn at random: skewed latencies and costs, calls of one user alike."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The calls of one experiment, in the order of time.

    Attributes:
        unit: Of each call.
        arm: Of each call, 0 for the control.
        value: Of each call.
        weight: Denominator of each call; None for all but ratios.
        before: Of each unit, a covariate from before the experiment.
        units: How many.
    """

    unit: Numbers
    arm: Numbers
    value: Floats
    weight: Floats | None
    before: Floats
    units: int


@dataclass(frozen=True)
class Population(ABC):
    """Where calls come from.

    Attributes:
        calls: Calls of a unit on average: one, and others by chance (Poisson), spread evenly over the time
            from its first one to the end of the experiment.
        icc: Intra-class correlation of what is analysed.
    """

    calls: float = 1.0
    icc: float = 0.0

    @property
    @abstractmethod
    def baseline(self) -> float:
        """The control's true value."""

    @property
    @abstractmethod
    def deviation(self) -> float | None:
        """Of a call, as an experiment's file has it."""

    @abstractmethod
    def values(
        self, rng: np.random.Generator, unit: Numbers, units: int, change: Floats
    ) -> tuple[Floats, Floats | None, Floats]:
        """Values, denominators, covariates; `change` is each call's true factor of the value."""

    def draw(
        self, rng: np.random.Generator, units: int, change: float = 1.0, share: float = 0.5
    ) -> Drawn:
        """An experiment.

        Args:
            rng: Source of chance.
            units: Of both arms.
            change: The arm's true value as a multiple of the control's.
            share: Of the units that are in the arm.
        """
        arm_of = (rng.random(units) < share).astype(np.intp)
        more = rng.poisson(self.calls - 1, size=units) if self.calls > 1 else np.zeros(units, int)
        came = np.sort(rng.random(units))
        unit = np.repeat(np.arange(units), more + 1)
        first = np.concatenate([[True], unit[1:] != unit[:-1]])
        when = came[unit] + np.where(first, 0.0, rng.random(len(unit)) * (1 - came[unit]))
        unit = unit[np.argsort(when, kind="stable")]
        arm = arm_of[unit]
        value, weight, before = self.values(rng, unit, units, np.where(arm == 1, change, 1.0))
        return Drawn(unit, arm, value, weight, before, units)


def _alike(
    rng: np.random.Generator, unit: Numbers, units: int, share: float
) -> tuple[Floats, Floats]:
    """Standard normal values of calls, of which a share of the variance is the unit's; and the unit's."""
    own = rng.normal(size=units)
    return math.sqrt(share) * own[unit] + math.sqrt(1 - share) * rng.normal(size=len(unit)), own


@dataclass(frozen=True)
class Latency(Population):
    """Log-normal times, whose mean is analysed."""

    sigma: float = 0.6
    median: float = 900.0

    @property
    def baseline(self) -> float:
        return self.median * math.exp(self.sigma**2 / 2)

    @property
    def deviation(self) -> float:
        return self.baseline * math.sqrt(math.expm1(self.sigma**2))

    def values(
        self, rng: np.random.Generator, unit: Numbers, units: int, change: Floats
    ) -> tuple[Floats, Floats | None, Floats]:
        share = math.log1p(self.icc * math.expm1(self.sigma**2)) / self.sigma**2
        mood, own = _alike(rng, unit, units, share)
        return self.median * np.exp(self.sigma * mood) * change, None, own + rng.normal(size=units)


@dataclass(frozen=True)
class SlowCalls(Latency):
    """The same times, whose quantile is analysed: the correlation is of being slower than that."""

    q: float = 0.95

    @property
    def baseline(self) -> float:
        return self.median * math.exp(self.sigma * float(norm.ppf(self.q)))

    @property
    def deviation(self) -> float:
        mean = self.median * math.exp(self.sigma**2 / 2)
        return mean * math.sqrt(math.expm1(self.sigma**2))

    def values(
        self, rng: np.random.Generator, unit: Numbers, units: int, change: Floats
    ) -> tuple[Floats, Floats | None, Floats]:
        mood, own = _alike(rng, unit, units, _latent(self.icc, self.q))
        return self.median * np.exp(self.sigma * mood) * change, None, own


@dataclass(frozen=True)
class Correct(Population):
    """Right answers, each unit with its own chance (beta-binomial)."""

    share: float = 0.8

    @property
    def baseline(self) -> float:
        return self.share

    @property
    def deviation(self) -> None:
        return None

    def values(
        self, rng: np.random.Generator, unit: Numbers, units: int, change: Floats
    ) -> tuple[Floats, Floats | None, Floats]:
        if self.icc == 0:
            chance = self.share * change
        else:
            strength = 1 / self.icc - 1
            size_up = np.full(units, self.share)
            size_up[unit] = self.share * change
            own = rng.beta(strength * size_up, strength * (1 - size_up))
            chance = own[unit]
        right = (rng.random(len(unit)) < chance).astype(float)
        return right, None, np.zeros(units)


@dataclass(frozen=True)
class Price(Population):
    """Costs per thousand tokens: gamma tokens, and a price that varies."""

    shape: float = 2.0
    spread: float = 0.4
    price: float = 0.002

    @property
    def baseline(self) -> float:
        return self.price

    @property
    def deviation(self) -> float:
        return self.price * self.spread * math.sqrt(1 + 1 / self.shape)

    def values(
        self, rng: np.random.Generator, unit: Numbers, units: int, change: Floats
    ) -> tuple[Floats, Floats | None, Floats]:
        ktokens = rng.gamma(self.shape, 0.4 / self.shape, size=len(unit))
        own_share = self.icc * (1 + 1 / self.shape)
        variance = math.log1p(self.spread**2)
        share = math.log1p(own_share * self.spread**2) / variance
        mood, own = _alike(rng, unit, units, share)
        price = self.price * np.exp(math.sqrt(variance) * mood - variance / 2)
        return price * change * ktokens, ktokens, own


def _latent(icc: float, q: float) -> float:
    """The normal values' correlation at which lying beyond the quantile correlates by `icc`."""
    if icc == 0:
        return 0.0
    z = float(norm.ppf(q))

    def excess(r: float) -> float:
        both = multivariate_normal(cov=[[1, r], [r, 1]]).cdf([-z, -z])
        return float((both - (1 - q) ** 2) / (q * (1 - q))) - icc

    return float(brentq(excess, 0.0, 0.99))
