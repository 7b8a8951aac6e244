"""Measuring models through the gateway: latency, tokens, cost and right answers.

In a notebook::

    from gateway_lib import benchmark

    spec = benchmark.load_spec("quick")
    frame = benchmark.run(spec)
    summary = benchmark.summarise(frame)
    benchmark.table(summary)
    run.picture(benchmark.percentiles(summary))

Names are imported when they are used: the meter's own processes need few of them, and pay for none of
the statistics and pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_lib.facade import facade

if TYPE_CHECKING:
    from gateway_lib.benchmark.costs.projection import Fixed as Fixed
    from gateway_lib.benchmark.costs.projection import project as project
    from gateway_lib.benchmark.costs.projection import projection_table as projection_table
    from gateway_lib.benchmark.costs.reconciliation import reconciled as reconciled
    from gateway_lib.benchmark.costs.told_cost import response_cost as response_cost
    from gateway_lib.benchmark.costs.told_cost import stream_cost as stream_cost
    from gateway_lib.benchmark.explorer import explore as explore
    from gateway_lib.benchmark.figures.changes import changes as changes
    from gateway_lib.benchmark.figures.distribution import distribution as distribution
    from gateway_lib.benchmark.figures.frontier import frontier as frontier
    from gateway_lib.benchmark.figures.overlay import overlay as overlay
    from gateway_lib.benchmark.figures.percentiles import percentiles as percentiles
    from gateway_lib.benchmark.figures.throughput import throughput as throughput
    from gateway_lib.benchmark.figures.timeline import timeline as timeline
    from gateway_lib.benchmark.figures.waterfall import waterfall as waterfall
    from gateway_lib.benchmark.meter.workers import run as run
    from gateway_lib.benchmark.plan.prompts import questions as questions
    from gateway_lib.benchmark.plan.slo import Slo as Slo
    from gateway_lib.benchmark.plan.slo import goodput as goodput
    from gateway_lib.benchmark.plan.spec import Spec as Spec
    from gateway_lib.benchmark.plan.spec import load_spec as load_spec
    from gateway_lib.benchmark.plan.spec import spec_of as spec_of
    from gateway_lib.benchmark.quality.answers import answers_page as answers_page
    from gateway_lib.benchmark.quality.answers import answers_text as answers_text
    from gateway_lib.benchmark.quality.answers import known_of as known_of
    from gateway_lib.benchmark.quality.scoring import references as references
    from gateway_lib.benchmark.quality.scoring import score as score
    from gateway_lib.benchmark.quality.scoring import scorers_of as scorers_of
    from gateway_lib.benchmark.records.story import About as About
    from gateway_lib.benchmark.records.story import about as about
    from gateway_lib.benchmark.results.comparison import compare as compare
    from gateway_lib.benchmark.results.run_comparison import changes_table as changes_table
    from gateway_lib.benchmark.results.run_comparison import chosen as chosen
    from gateway_lib.benchmark.results.run_comparison import compare_runs as compare_runs
    from gateway_lib.benchmark.results.run_comparison import setup_table as setup_table
    from gateway_lib.benchmark.results.summary import headline as headline
    from gateway_lib.benchmark.results.summary import load as load
    from gateway_lib.benchmark.results.summary import summarise as summarise
    from gateway_lib.benchmark.results.summary import table as table

_OF = {
    "costs.projection": ("Fixed", "project", "projection_table"),
    "costs.reconciliation": ("reconciled",),
    "costs.told_cost": ("response_cost", "stream_cost"),
    "explorer": ("explore",),
    "figures.changes": ("changes",),
    "figures.distribution": ("distribution",),
    "figures.frontier": ("frontier",),
    "figures.overlay": ("overlay",),
    "figures.percentiles": ("percentiles",),
    "figures.throughput": ("throughput",),
    "figures.timeline": ("timeline",),
    "figures.waterfall": ("waterfall",),
    "meter.workers": ("run",),
    "plan.prompts": ("questions",),
    "plan.slo": ("Slo", "goodput"),
    "plan.spec": ("Spec", "load_spec", "spec_of"),
    "quality.answers": ("answers_page", "answers_text", "known_of"),
    "quality.scoring": ("references", "score", "scorers_of"),
    "records.story": ("About", "about"),
    "results.comparison": ("compare",),
    "results.run_comparison": ("changes_table", "chosen", "compare_runs", "setup_table"),
    "results.summary": ("headline", "load", "summarise", "table"),
}
__getattr__, __dir__, __all__ = facade(__name__, _OF)
