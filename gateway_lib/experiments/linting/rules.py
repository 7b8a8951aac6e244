"""Rules for experiments' files: each finds one way in which a file that can be read would mislead."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from gateway_lib.config.linting.rule import meant
from gateway_lib.experiments.columns import COLUMNS
from gateway_lib.experiments.linting.draft import Draft, Rule
from gateway_lib.findings import Finding

_FEEDBACK = "feedback."
_SMALL = 0.01
_FEW_KEYS = 50
_NUMBERS = frozenset(each.name for each in COLUMNS if str(each.type) in ("double", "int64", "bool"))


Check = Callable[[Draft, str], Iterator[Finding]]
RULES: list[Rule] = []


def _rule(name: str, summary: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        RULES.append(Rule(name, summary, check))
        return check

    return add


@_rule("experiment/unknown-model", "an arm whose model the gateway does not have")
def unknown_model(draft: Draft, name: str) -> Iterator[Finding]:
    for place, arm in enumerate(draft.routing.arms):
        if arm.model.startswith("arn:") or arm.model in draft.models:
            continue
        close = meant(arm.model, draft.models)
        mend = (
            f"Write `{close}`."
            if close
            else "Name a model of the configuration, or the ARN of a prompt."
        )
        yield draft.error(
            name,
            ("routing", "arms", place, "model"),
            f"The gateway has no model `{arm.model}`: the experiment would not start.",
            mend,
        )


@_rule("experiment/arms-equal", "two arms that do the same, as in an A/A test (a warning)")
def arms_equal(draft: Draft, name: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for place, arm in enumerate(draft.routing.arms):
        does = str((arm.model, sorted(arm.parameters.items(), key=str), arm.system))
        if does in seen:
            yield draft.warning(
                name,
                ("routing", "arms", place),
                f"`{arm.name}` does the same as `{seen[does]}`: there is no difference to find.",
                "Change its model, parameters or system text, unless an A/A test is meant.",
            )
        seen.setdefault(does, arm.name)


@_rule("experiment/small-arm", "an arm that gets less than one unit in a hundred (a warning)")
def small_arm(draft: Draft, name: str) -> Iterator[Finding]:
    for place, (arm, share) in enumerate(draft.routing.weights().items()):
        if share < _SMALL:
            yield draft.warning(
                name,
                ("routing", "arms", place, "weight"),
                f"`{arm}` gets {share:.2%} of the units: it decides how long everything takes.",
                "Even weights need the fewest units; ramp up with `ramp` instead.",
            )


@_rule("experiment/unknown-column", "a metric of something that no call has")
def unknown_column(draft: Draft, name: str) -> Iterator[Finding]:
    for place, metric in enumerate(draft.experiment.metrics):
        for field, column in (("value", metric.value), ("per", metric.per)):
            if column is None or column.startswith(_FEEDBACK) or column in _NUMBERS:
                continue
            close = meant(column, _NUMBERS)
            yield draft.error(
                name,
                ("metrics", place, field),
                f"Outcomes have no number `{column}`.",
                f"Write `{close}`."
                if close
                else "Name one of docs/experiments.md, or `feedback.<name>`.",
            )


@_rule("experiment/shadow-feedback", "feedback on answers that nobody sees")
def shadow_feedback(draft: Draft, name: str) -> Iterator[Finding]:
    if draft.routing.mode != "shadow":
        return
    for at, metric in _named(draft):
        if draft.experiment.metric(metric).value.startswith(_FEEDBACK):
            yield draft.error(
                name,
                at,
                f"`{metric}` comes from callers, and in shadow mode they never see the treatment's answer.",
                "Take a metric that the gateway measures, or `mode: split`.",
            )


@_rule(
    "experiment/no-horizon", "a fixed horizon that is never reached, since nothing says where it is"
)
def no_horizon(draft: Draft, name: str) -> Iterator[Finding]:
    analysis = draft.experiment.analysis
    if analysis.rule == "fixed" and analysis.units is None and _cannot_plan(draft):
        yield draft.error(
            name,
            ("analysis", "rule"),
            "Under a fixed horizon there is one look, and neither `analysis.units` nor what is expected of"
            " the primary metric says when.",
            "State `units`, or `baseline` and `deviation` of the primary metric.",
        )


@_rule("experiment/no-plan", "nothing from which the number of units could be planned (a warning)")
def no_plan(draft: Draft, name: str) -> Iterator[Finding]:
    if draft.experiment.analysis.rule == "sequential" and _cannot_plan(draft):
        primary = draft.experiment.primary
        proportion = draft.experiment.metric(primary.metric).kind == "proportion"
        needed = "`baseline`" if proportion else "`baseline` and `deviation`"
        yield draft.warning(
            name,
            ("primary",),
            f"Without {needed} nobody knows before the start how many units an answer takes.",
            f"State {needed}, from an earlier experiment or a benchmark.",
        )


@_rule(
    "experiment/no-quality",
    "a primary metric of cost or time with nothing that guards the answers (a warning)",
)
def no_quality(draft: Draft, name: str) -> Iterator[Finding]:
    experiment = draft.experiment
    named = (experiment.primary.metric, *(each.metric for each in experiment.guardrails))
    if not any(experiment.metric(each).value.startswith(_FEEDBACK) for each in named) and (
        draft.routing.mode == "split"
    ):
        yield draft.warning(
            name,
            ("guardrails",) if experiment.guardrails else ("primary",),
            "No deciding metric says whether the answers are any good: an arm that answers nonsense, cheaply"
            " and fast, would be shipped.",
            "Add a guardrail on a metric of feedback, as config/experiments/cheaper-model.yaml does.",
        )


@_rule("experiment/wide-margin", "a margin so wide that nearly nothing violates it (a warning)")
def wide_margin(draft: Draft, name: str) -> Iterator[Finding]:
    for place, margin in enumerate(draft.experiment.guardrails):
        kind = draft.experiment.metric(margin.metric).kind
        if margin.margin >= (
            1.0 if margin.relative else 0.5 if kind == "proportion" else float("inf")
        ):
            meaning = "as bad again" if margin.relative else f"{margin.margin:g} of 1"
            yield draft.warning(
                name,
                ("guardrails", place, "margin"),
                f"`{margin.metric}` may become worse by {meaning}.",
                "Five points of a proportion are 0.05, ten per cent are 0.1 with `relative: true`.",
            )


@_rule(
    "experiment/unit-too-coarse",
    "more units wanted than there will be of such coarse ones (a warning)",
)
def unit_too_coarse(draft: Draft, name: str) -> Iterator[Finding]:
    wanted = draft.experiment.analysis.units
    if draft.routing.unit == "key" and (wanted is None or wanted > _FEW_KEYS):
        many = f"{wanted:,}" if wanted else "hundreds"
        yield draft.warning(
            name,
            ("routing", "unit"),
            f"Keys are assigned whole, and only keys count as independent: it takes {many} of them.",
            "Assign by `user`, and have callers name the end user.",
        )


@_rule(
    "experiment/single-calls",
    "several calls of a unit expected where each call is a unit of its own",
)
def single_calls(draft: Draft, name: str) -> Iterator[Finding]:
    analysis = draft.experiment.analysis
    if draft.routing.unit == "request" and (analysis.calls_per_unit != 1 or analysis.icc):
        yield draft.error(
            name,
            ("analysis", "calls_per_unit" if analysis.calls_per_unit != 1 else "icc"),
            "With `unit: request` every unit is one call: the plan would be of another experiment.",
            "Leave `calls_per_unit` and `icc` out.",
        )


def _named(draft: Draft) -> Iterator[tuple[tuple[Hashable, ...], str]]:
    experiment = draft.experiment
    yield ("primary", "metric"), experiment.primary.metric
    for place, metric in enumerate(experiment.secondary):
        yield ("secondary", place), metric
    for place, margin in enumerate(experiment.guardrails):
        yield ("guardrails", place, "metric"), margin.metric


def _cannot_plan(draft: Draft) -> bool:
    primary = draft.experiment.primary
    if primary.baseline is None:
        return True
    return (
        draft.experiment.metric(primary.metric).kind != "proportion" and primary.deviation is None
    )
