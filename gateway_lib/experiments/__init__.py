"""Experiments between models: the file, the plan, what came in, what it says, what to do.

In a notebook::

    from gateway_lib import experiments

    wanted = experiments.load("cheaper-model")
    live = experiments.Live()
    live.start(wanted)
    await experiments.send(wanted.routing.model)
    frame = live.outcomes(wanted.name)
    analysis = experiments.analyse(frame, wanted)
    experiments.effects_table(analysis, wanted)
    run.page("memo", experiments.memo_page(analysis, wanted, frame))

Names are imported when they are used: a command that stops an experiment pays for no statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_lib.facade import facade

if TYPE_CHECKING:
    from gateway_lib.experiments.analysis import analyse as analyse
    from gateway_lib.experiments.bandit import inverse_propensity as inverse_propensity
    from gateway_lib.experiments.bandit import next_weights as next_weights
    from gateway_lib.experiments.calibration import calibrate as calibrate
    from gateway_lib.experiments.design import plan as plan
    from gateway_lib.experiments.design import plan_or_reason as plan_or_reason
    from gateway_lib.experiments.ending import carry_out as carry_out
    from gateway_lib.experiments.ending import known_way as known_way
    from gateway_lib.experiments.explorer import explore as explore
    from gateway_lib.experiments.figures.cost import cost as cost
    from gateway_lib.experiments.figures.distribution import distribution as distribution
    from gateway_lib.experiments.figures.forest import forest as forest
    from gateway_lib.experiments.figures.power import power as power
    from gateway_lib.experiments.figures.sequence import sequence as sequence
    from gateway_lib.experiments.figures.split import split as split
    from gateway_lib.experiments.file import load as load
    from gateway_lib.experiments.file import path_of as path_of
    from gateway_lib.experiments.keeping import headline_figures as headline_figures
    from gateway_lib.experiments.keeping import keep as keep
    from gateway_lib.experiments.linting import lint as lint
    from gateway_lib.experiments.linting import refuse_faulty as refuse_faulty
    from gateway_lib.experiments.live import Live as Live
    from gateway_lib.experiments.memo import headline as headline
    from gateway_lib.experiments.memo import memo_page as memo_page
    from gateway_lib.experiments.memo import more_units as more_units
    from gateway_lib.experiments.outcomes import about as about
    from gateway_lib.experiments.outcomes import load_outcomes as load_outcomes
    from gateway_lib.experiments.paired import Prompt as Prompt
    from gateway_lib.experiments.paired import collect_pairs as collect_pairs
    from gateway_lib.experiments.routing.checks import routing_checks as routing_checks
    from gateway_lib.experiments.routing.figure import routing_table as routing_table
    from gateway_lib.experiments.routing.figure import split_figure as split_figure
    from gateway_lib.experiments.tables import checks as checks
    from gateway_lib.experiments.tables import effects_table as effects_table
    from gateway_lib.experiments.tables import guardrails_table as guardrails_table
    from gateway_lib.experiments.tables import plan_table as plan_table
    from gateway_lib.experiments.tables import served_table as served_table
    from gateway_lib.experiments.traffic import Crowd as Crowd
    from gateway_lib.experiments.traffic import send as send
    from gateway_lib.experiments.traffic import traffic_summary as traffic_summary
    from gateway_lib.experiments.watching import analysed as analysed
    from gateway_lib.experiments.watching import look as look
    from gateway_lib.experiments.watching import watch as watch

_OF = {
    "analysis": ("analyse",),
    "bandit": ("inverse_propensity", "next_weights"),
    "calibration": ("calibrate",),
    "design": ("plan", "plan_or_reason"),
    "ending": ("carry_out", "known_way"),
    "explorer": ("explore",),
    "figures.cost": ("cost",),
    "figures.distribution": ("distribution",),
    "figures.forest": ("forest",),
    "figures.power": ("power",),
    "figures.sequence": ("sequence",),
    "figures.split": ("split",),
    "file": ("load", "path_of"),
    "keeping": ("headline_figures", "keep"),
    "linting": ("lint", "refuse_faulty"),
    "live": ("Live",),
    "memo": ("headline", "memo_page", "more_units"),
    "outcomes": ("about", "load_outcomes"),
    "routing.checks": ("routing_checks",),
    "routing.figure": ("routing_table", "split_figure"),
    "paired": ("Prompt", "collect_pairs"),
    "tables": ("checks", "effects_table", "guardrails_table", "plan_table", "served_table"),
    "traffic": ("Crowd", "send", "traffic_summary"),
    "watching": ("analysed", "look", "watch"),
}
__getattr__, __dir__, __all__ = facade(__name__, _OF)
