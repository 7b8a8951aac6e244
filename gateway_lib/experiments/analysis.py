"""The analysis of an experiment: whether its data can be believed, then effects, then the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from gateway_lib.errors import OutcomesUnusable
from gateway_lib.experiments import doubts, traffic_checks
from gateway_lib.experiments.calls import Calls, calls_of
from gateway_lib.experiments.decision import Evidence, Progress, decide
from gateway_lib.experiments.design import (
    per_arm_alpha,
    planned_units,
    target_calls,
)
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.horizon import calls_until, units_there
from gateway_lib.experiments.looks import looks, moment_of
from gateway_lib.experiments.measure import Measure, estimates, measure
from gateway_lib.experiments.metrics import Metric
from gateway_lib.experiments.results import (
    Analysis,
    Effect,
    Estimate,
    Refused,
    SampleRatio,
)
from gateway_lib.experiments.statistics.intervals import Rule
from gateway_lib.experiments.statistics.sums import Floats

_CORRECTIONS = {"holm": "holm", "bh": "fdr_bh"}


def analyse(
    frame: pd.DataFrame,
    experiment: Experiment,
    *,
    at: datetime | None = None,
    pre: pd.DataFrame | None = None,
) -> Analysis:
    """Everything that the outcomes say.

    Args:
        frame: A row per call, with the columns of `gateway_lib.experiments.columns`.
        experiment: The file as it was frozen.
        at: Leave out what was assigned later than this aware moment.
        pre: What is known of units from before: indexed by unit, a column for each column of the outcomes
            that is to be a covariate (CUPED).

    Raises:
        OutcomesUnusable: These are no outcomes of the experiment.
    """
    calls = calls_of(frame, experiment)
    if at is not None:
        calls = calls.until(int((calls.frame["assigned_at"] <= pd.Timestamp(at)).sum()))
    if not len(calls):
        raise OutcomesUnusable(f"there is no call of {experiment.name} up to {at}")
    return _Analyst(calls, experiment, pre).analysis()


class _Analyst:
    def __init__(self, calls: Calls, experiment: Experiment, pre: pd.DataFrame | None) -> None:
        planned, count = planned_units(experiment), None
        if experiment.analysis.rule == "fixed" and planned is not None:
            count = calls_until(calls, planned)
        self.whole = calls
        self.calls = calls if count is None else calls.until(count)
        self.experiment = experiment
        self.pre = pre
        self.notes: list[str] = []
        self.refused: list[Refused] = []
        self.estimates: dict[tuple[str, str], Estimate] = {}
        self.progress = Progress(units_there(self.calls), planned)

    def analysis(self) -> Analysis:
        calls, experiment = self.calls, self.experiment
        assigned, served = traffic_checks.sample_ratios(calls, experiment)
        treatments = range(1, len(calls.arms))
        correction = len(calls.arms) - 1
        primary = {arm: self._primary(arm, correction) for arm in treatments}
        secondary = self._secondary()
        evidence = tuple(self._evidence(arm, primary[arm], served) for arm in treatments)
        self._notes()
        moments = calls.frame["assigned_at"]
        return Analysis(
            experiment=experiment.name,
            version=self._version(),
            digest=experiment.digest,
            rule=experiment.analysis.rule,
            alpha=experiment.analysis.alpha,
            at=moment_of(moments.iloc[-1]),
            began=moment_of(moments.iloc[0]),
            arms=calls.arms,
            n_units=dict(zip(calls.arms, map(int, calls.presence.sum(axis=0)), strict=True)),
            n_calls=self._n_calls(),
            planned_units=self.progress.planned,
            sample_ratio=assigned,
            served_ratio=served,
            served=traffic_checks.served(calls),
            estimates=tuple(self.estimates.values()),
            primary=tuple(told[1] for told in primary.values() if not isinstance(told, Refused)),
            secondary=secondary,
            guardrails=tuple(told for each in evidence for _, told in each.guardrails),
            refused=tuple(self.refused),
            looks=tuple(
                looks(
                    calls,
                    self._metric(experiment.primary.metric),
                    arm,
                    self._rule(arm, per_arm_alpha(experiment)),
                    self._covariate(self._metric(experiment.primary.metric)),
                )
                for arm in treatments
                if not isinstance(primary[arm], Refused)
            ),
            costs=traffic_checks.costs(self.whole),
            notes=tuple(self.notes),
            verdict=decide(experiment, evidence, self.progress, doubts.voids(assigned)),
        )

    def _primary(self, arm: int, correction: int) -> tuple[Measure, Effect] | Refused:
        metric = self._metric(self.experiment.primary.metric)
        found = self._measure(metric, arm, self._rule(arm, per_arm_alpha(self.experiment)))
        if isinstance(found, Refused):
            return found
        effect = found.effect("primary", correction)
        if isinstance(effect, Refused):
            self.refused.append(effect)
            return effect
        return found, effect

    def _secondary(self) -> tuple[Effect, ...]:
        effects: list[Effect] = []
        alpha = self.experiment.analysis.alpha
        for name in self.experiment.secondary:
            for arm in range(1, len(self.calls.arms)):
                found = self._measure(self._metric(name), arm, self._rule(arm, alpha))
                effect = found if isinstance(found, Refused) else found.effect("secondary")
                if isinstance(effect, Effect):
                    effects.append(effect)
                elif effect is not found:
                    self.refused.append(effect)
        if not effects:
            return ()
        method = _CORRECTIONS[self.experiment.analysis.correction]
        adjusted = multipletests([e.p_value for e in effects], alpha=alpha, method=method)[1]
        return tuple(
            self._corrected(effect, float(p), alpha)
            for effect, p in zip(effects, adjusted, strict=True)
        )

    def _corrected(self, effect: Effect, p_adjusted: float, alpha: float) -> Effect:
        significant = p_adjusted <= alpha
        lower = self._metric(effect.metric).goal == "lower"
        better = (effect.absolute < 0) == lower if significant else None
        return replace(effect, p_adjusted=p_adjusted, significant=significant, better=better)

    def _evidence(
        self, arm: int, primary: tuple[Measure, Effect] | Refused, served: SampleRatio
    ) -> Evidence:
        guardrails, refused = [], []
        rule = self._guardrail_rule(arm)
        for margin in self.experiment.guardrails:
            found = self._measure(self._metric(margin.metric), arm, rule)
            effect = found if isinstance(found, Refused) else found.effect("guardrail")
            if isinstance(found, Refused) or isinstance(effect, Refused):
                if isinstance(effect, Refused):
                    refused.append(effect)
                    if effect is not found:
                        self.refused.append(effect)
                continue
            guardrails.append((found, found.guardrail(margin, effect)))
        return Evidence(
            self.calls.arms[arm],
            primary,
            tuple(guardrails),
            tuple(refused),
            doubts.doubts(self.calls, self.experiment, served, arm),
        )

    def _measure(self, metric: Metric, arm: int, rule: Rule) -> Measure | Refused:
        found = measure(self.calls, metric, arm, rule, self._covariate(metric))
        if isinstance(found, Refused):
            self.refused.append(found)
            return found
        for told in estimates(found):
            self.estimates.setdefault((told.metric, told.arm), told)
        return found

    def _rule(self, arm: int, alpha: float) -> Rule:
        if self.experiment.analysis.rule == "fixed":
            return Rule(alpha)
        return Rule(alpha, target_calls(self.experiment, self.calls.arms[arm]))

    def _guardrail_rule(self, arm: int) -> Rule:
        """Guardrails may stop an experiment early: before the planned look they are always-valid.

        What they may err by is shared by all treatments, and by the looks before a horizon and the one at it.
        """
        alpha = per_arm_alpha(self.experiment)
        target = target_calls(self.experiment, self.calls.arms[arm])
        if self.experiment.analysis.rule == "sequential":
            return Rule(alpha, target)
        return Rule(alpha / 2, None if self.progress.reached else target)

    def _covariate(self, metric: Metric) -> Floats | None:
        if self.pre is None or metric.value not in self.pre or metric.kind == "quantile":
            return None
        told = self.pre[metric.value].reindex(self.calls.names).to_numpy(dtype=np.float64)
        return None if np.isnan(told).all() else told

    def _metric(self, name: str) -> Metric:
        return self.experiment.metric(name)

    def _version(self) -> int | None:
        frame = self.calls.frame
        return int(frame["version"].iloc[0]) if "version" in frame else None

    def _n_calls(self) -> dict[str, int]:
        counts = np.bincount(self.calls.arm, minlength=len(self.calls.arms))
        return {arm: int(counts[i]) for i, arm in enumerate(self.calls.arms)}

    def _notes(self) -> None:
        calls, experiment = self.calls, self.experiment
        if calls.other_versions:
            self.notes.append(
                f"{calls.other_versions:,} calls of earlier versions of the experiment are left out."
            )
        if later := len(self.whole) - len(calls):
            self.notes.append(
                f"{later:,} calls after the {self.progress.units:,} planned units were there are left out: "
                "a fixed horizon is judged once. Only costs and the figures of split and distributions have "
                "them."
            )
        if experiment.analysis.pre_period_days and self.pre is None:
            self.notes.append("There are no values from before the start, so CUPED was not used.")
        if experiment.analysis.rule == "sequential" and planned_units(experiment) is None:
            self.notes.append(
                "Nobody planned how many units there will be; intervals are narrowest at "
                f"{target_calls(experiment, calls.arms[1]):,.0f} independent calls."
            )
        named = (*doubts.judged(experiment), *experiment.secondary)
        for arm in range(1, len(calls.arms)):
            for _, sentence in doubts.missing(calls, experiment, named, arm):
                self.notes.append(sentence)
