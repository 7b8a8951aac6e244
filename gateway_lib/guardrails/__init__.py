"""Checking guardrails through the gateway: what is blocked, what leaks, and what it costs.

In a notebook::

    from gateway_lib import guardrails

    suite = guardrails.load_suite("starting").sample(40)
    frame = guardrails.run(guardrails.plan(suite, ["grworkbench1"]))
    guardrails.rates_table(frame)
    run.picture(guardrails.heatmap(frame))

Names are imported when they are used. What leaked is shown redacted unless it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_lib.facade import facade

if TYPE_CHECKING:
    from gateway_lib.guardrails.comparison import compare as compare
    from gateway_lib.guardrails.comparison import compare_or_reason as compare_or_reason
    from gateway_lib.guardrails.execution import run as run
    from gateway_lib.guardrails.figures.heatmap import heatmap as heatmap
    from gateway_lib.guardrails.figures.rates import rates_picture as rates_picture
    from gateway_lib.guardrails.keeping import keep as keep
    from gateway_lib.guardrails.keeping import summary_of as summary_of
    from gateway_lib.guardrails.leaks import examples as examples
    from gateway_lib.guardrails.leaks import wrong as wrong
    from gateway_lib.guardrails.pairs import agreement as agreement
    from gateway_lib.guardrails.planning import plan as plan
    from gateway_lib.guardrails.probes import probe as probe
    from gateway_lib.guardrails.probing import local_target as local_target
    from gateway_lib.guardrails.probing import probes_table as probes_table
    from gateway_lib.guardrails.records import read as read
    from gateway_lib.guardrails.records import whole as whole
    from gateway_lib.guardrails.scoring import confusion as confusion
    from gateway_lib.guardrails.scoring import headline as headline
    from gateway_lib.guardrails.scoring import rates as rates
    from gateway_lib.guardrails.scoring import streaming_leak as streaming_leak
    from gateway_lib.guardrails.suite import Suite as Suite
    from gateway_lib.guardrails.suite import load_suite as load_suite
    from gateway_lib.guardrails.tables import confusion_table as confusion_table
    from gateway_lib.guardrails.tables import costs_table as costs_table
    from gateway_lib.guardrails.tables import latency_table as latency_table
    from gateway_lib.guardrails.tables import rates_table as rates_table
    from gateway_lib.guardrails.thresholds import Thresholds as Thresholds

_OF = {
    "comparison": ("compare", "compare_or_reason"),
    "execution": ("run",),
    "figures.heatmap": ("heatmap",),
    "figures.rates": ("rates_picture",),
    "keeping": ("keep", "summary_of"),
    "leaks": ("examples", "wrong"),
    "pairs": ("agreement",),
    "planning": ("plan",),
    "probes": ("probe",),
    "probing": ("local_target", "probes_table"),
    "records": ("read", "whole"),
    "scoring": ("confusion", "headline", "rates", "streaming_leak"),
    "suite": ("Suite", "load_suite"),
    "tables": ("confusion_table", "costs_table", "latency_table", "rates_table"),
    "thresholds": ("Thresholds",),
}
__getattr__, __dir__, __all__ = facade(__name__, _OF)
