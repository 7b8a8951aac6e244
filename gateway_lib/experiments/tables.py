"""An experiment as tables: its plan, its effects, its guardrails, what became of its calls."""

from __future__ import annotations

import pandas as pd

from gateway_lib.experiments import words
from gateway_lib.experiments.file import Experiment
from gateway_lib.experiments.results import Analysis, Plan


def plan_table(plan: Plan) -> pd.DataFrame:
    """What an experiment needs, a row for each figure."""
    rows = {
        "metric": plan.metric,
        "rule": plan.rule,
        "units of all arms": f"{plan.units:,}",
        "units by arm": ", ".join(f"{arm} {n:,}" for arm, n in plan.units_per_arm.items()),
        "calls": f"{plan.calls:,}",
        "days": words.UNKNOWN if plan.days is None else f"{plan.days:,.1f}",
        "power": f"{plan.power:.0%}",
        "effect to find": f"{plan.effect:.4g} of {plan.baseline:.4g}",
        "design effect": f"{plan.design_effect:.2f}",
    }
    return pd.DataFrame({"plan": rows})


def effects_table(analysis: Analysis, experiment: Experiment) -> pd.DataFrame:
    """A row for each metric and treatment."""
    rows = []
    for effect in analysis.effects:
        metric = experiment.metric(effect.metric)
        shown = {None: "", True: "better", False: "worse"}[effect.better]
        rows.append(
            {
                "metric": effect.metric,
                "role": effect.role,
                "arm": effect.arm,
                "control": words.value_text(metric, effect.control_value),
                "treatment": words.value_text(metric, effect.arm_value),
                "difference": words.absolute_text(metric, effect),
                "of the control": words.relative_text(effect),
                "p, corrected": words.p_text(effect.p_adjusted),
                "shown": shown,
                "method": effect.method,
            }
        )
    return pd.DataFrame(rows).set_index("metric") if rows else pd.DataFrame()


def guardrails_table(analysis: Analysis, experiment: Experiment) -> pd.DataFrame:
    """A row for each guardrail and treatment."""
    rows = []
    for result in analysis.guardrails:
        metric = experiment.metric(result.metric)
        bounds = [
            words.percent_text(each)
            if result.relative
            else words.value_text(metric, each, signed=True)
            for each in (result.worse_by, result.low, result.high)
        ]
        rows.append(
            {
                "guardrail": result.metric,
                "arm": result.arm,
                "worse by": f"{bounds[0]} [{bounds[1]}, {bounds[2]}]",
                "margin": words.margin_text(metric, result),
                "shown": words.holds_text(result),
                "stops by itself": "yes" if result.stops else "no",
            }
        )
    return pd.DataFrame(rows).set_index("guardrail") if rows else pd.DataFrame()


def served_table(analysis: Analysis) -> pd.DataFrame:
    """Where each arm's calls went, a row for each arm."""
    rows = {
        each.arm: {
            "units": analysis.n_units.get(each.arm, 0),
            "assigned": each.assigned,
            "served": each.served,
            "fell back": each.fell_back,
            "failed": each.failed,
            "left": each.left,
            "open": each.open,
        }
        for each in analysis.served
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def checks(analysis: Analysis) -> list[str]:
    """Whether the split can be trusted, in sentences."""
    said = []
    for each in (analysis.sample_ratio, analysis.served_ratio):
        counted = ", ".join(
            f"{arm} {n:,} ({each.expected[arm]:,.0f} expected)" for arm, n in each.observed.items()
        )
        state = "MISMATCH" if each.is_broken else "as expected"
        said.append(f"Units {each.basis}: {counted}; p {words.p_text(each.p_value)}, {state}.")
    return said
