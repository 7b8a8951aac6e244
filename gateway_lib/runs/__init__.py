"""Executing notebooks and keeping what they found.

In a notebook::

    from gateway_lib import runs

    run = runs.current()
    run.records(frame)
    run.figure(figure, "latency", alt="Latency by model")
    run.metrics(ttft_p50_ms=41.2)
"""

from gateway_lib.runs.run import Run, current

__all__ = ["Run", "current"]
