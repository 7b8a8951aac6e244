"""An experiment's calls as arrays, in the order of their assignment, and what each metric is over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.metrics import Metric
from gateway_lib.experiments.statistics.quantiles import Quantile, quantile
from gateway_lib.experiments.statistics.sums import Floats, Sums, each, table

Numbers = npt.NDArray[np.intp]
_NEEDED = ("unit", "arm", "assigned_at", "ended", "failed", "fell_back")


@dataclass(frozen=True, eq=False)
class Calls:
    """Outcomes of one version of an experiment.

    Attributes:
        frame: A row per call, by `assigned_at`.
        arms: Names, the control first.
        arm: Of each call, its number among them.
        unit: Of each call, its unit's number.
        names: Each unit's name.
        pair: Of each call, its pair's number; None unless every call has a partner in the other arm.
        lonely: Whether every unit has a single call.
        other_versions: Calls of earlier versions, which are left out.
    """

    frame: pd.DataFrame
    arms: tuple[str, ...]
    arm: Numbers
    unit: Numbers
    names: pd.Index
    pair: Numbers | None
    lonely: bool
    other_versions: int

    def __len__(self) -> int:
        return len(self.arm)

    @cached_property
    def cell(self) -> Numbers:
        """Of each call, the number of its unit in its arm."""
        return self.unit * len(self.arms) + self.arm

    @cached_property
    def presence(self) -> npt.NDArray[np.bool_]:
        """Which unit is in which arm; units x arms."""
        size = len(self.names) * len(self.arms)
        found = np.bincount(self.cell, minlength=size) > 0
        return found.reshape(-1, len(self.arms))

    def first(self, count: int) -> Calls:
        """The first so many calls, as they are known now."""
        pair = None if self.pair is None else self.pair[:count]
        return replace(
            self,
            frame=self.frame.iloc[:count],
            arm=self.arm[:count],
            unit=self.unit[:count],
            pair=pair,
        )

    def until(self, count: int) -> Calls:
        """The first so many calls as if no other had come: later units are not known of."""
        told = self.first(count)
        names = self.names[: int(told.unit.max(initial=-1)) + 1]  # numbered as they came
        return replace(told, names=names, lonely=self.pair is None and len(names) == count)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Calls:
        """Those of a mask; units keep their numbers."""
        pair = None if self.pair is None else self.pair[chosen]
        return replace(
            self,
            frame=self.frame[chosen],
            arm=self.arm[chosen],
            unit=self.unit[chosen],
            pair=pair,
        )

    def unpaired(self) -> Calls:
        """The same without pairs, each call for itself."""
        return replace(self, pair=None)

    def assigned(self, arm: Numbers) -> Calls:
        """The same calls, had they been of other arms."""
        return replace(self, arm=arm)

    def column(self, name: str) -> Floats:
        """A column as numbers, NaN where there is none.

        Raises:
            KeyError: No such column, as nobody sent such a feedback.
        """
        told = self.frame[name]
        if told.dtype == object:
            told = told.astype("float64")
        return told.to_numpy(dtype=np.float64, na_value=np.nan)

    def sums(
        self, metric: Metric, arms: tuple[int, int], covariate: Floats | None
    ) -> tuple[Sums, Sums]:
        """A metric's sums per unit in two arms.

        Args:
            metric: A mean, share or ratio.
            arms: Numbers of the control and the other.
            covariate: Of each unit by its number, NaN where it is not known; None for none.
        """
        values = self.column(metric.value)
        weights = None if metric.per is None else self.column(metric.per)
        known = ~np.isnan(values) if weights is None else ~np.isnan(values) & ~np.isnan(weights)
        if self.pair is not None:
            known &= self._complete(known, arms)
        if self.lonely and weights is None and covariate is None:
            return each(values[known & (self.arm == arms[0])]), each(
                values[known & (self.arm == arms[1])]
            )
        told = table(self.cell, known, values, weights, size=self.names.size * len(self.arms))
        if covariate is not None:
            covariate = np.where(np.isnan(covariate), np.nanmean(covariate), covariate)
        control, arm = (told.every(len(self.arms), number, covariate) for number in arms)
        return control, arm

    def quantiles(self, metric: Metric, arms: tuple[int, int]) -> tuple[Quantile, Quantile] | None:
        """A quantile in two arms; None where one of them has no call."""
        values = self.column(metric.value)
        known = ~np.isnan(values)
        if self.pair is not None:
            known &= self._complete(known, arms)
        told = []
        for number in arms:
            mask = known & (self.arm == number)
            if not mask.any():
                return None
            units = None if self.lonely else self.unit[mask]
            told.append(quantile(values[mask], metric.q or 0.5, units, size=len(self.names)))
        return told[0], told[1]

    def _complete(
        self, known: npt.NDArray[np.bool_], arms: tuple[int, int]
    ) -> npt.NDArray[np.bool_]:
        """Of pairs, those whose calls in both arms have a value."""
        if self.pair is None:
            return known
        size = int(self.pair.max(initial=-1)) + 1
        complete = np.ones(size, dtype=bool)
        for number in arms:
            mask = known & (self.arm == number)
            complete &= np.bincount(self.pair[mask], minlength=size) == 1
        told: npt.NDArray[np.bool_] = complete[self.pair]
        return told


def calls_of(frame: pd.DataFrame, experiment: Experiment) -> Calls:
    """The calls of an experiment's latest version.

    Calls of a shadow, or outcomes in which every call has a `pair`, are analysed by pairs.

    Raises:
        OutcomesUnusable: There is no call, or a column is missing.
    """
    if missing := [name for name in _NEEDED if name not in frame]:
        raise OutcomesUnusable(f"not outcomes of an experiment: no column {', '.join(missing)}")
    arms = tuple(arm.name for arm in experiment.routing.arms)
    whole = len(frame)
    if "version" in frame and whole:
        frame = frame[frame["version"] == frame["version"].max()]
    others = whole - len(frame)
    paired = experiment.routing.mode == "shadow" or (
        "pair" in frame and len(frame) > 0 and bool(frame["pair"].notna().all())
    )
    if "role" in frame and not paired:
        frame = frame[frame["role"] == "answer"]
    if paired:
        frame = frame[frame["pair"].notna()]
    codes = pd.Categorical(frame["arm"].astype(object), categories=list(arms)).codes
    if (strange := int((codes < 0).sum())) == len(frame):
        raise OutcomesUnusable(f"there is no call of an arm of {experiment.name}")
    if strange:
        frame, codes = frame[codes >= 0], codes[codes >= 0]
    if not frame["assigned_at"].is_monotonic_increasing:
        order = np.asarray(frame["assigned_at"].argsort(kind="stable"))
        frame, codes = frame.iloc[order], codes[order]
    unit, names = pd.factorize(frame["unit"])
    pair = pd.factorize(frame["pair"])[0].astype(np.intp) if paired else None
    return Calls(
        frame=frame,
        arms=arms,
        arm=codes.astype(np.intp),
        unit=unit.astype(np.intp),
        names=pd.Index(names),
        pair=pair,
        lonely=not paired and len(names) == len(frame),
        other_versions=others,
    )
