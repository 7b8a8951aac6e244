"""Executing notebooks and keeping what they found.

In a notebook::

    from gateway_lib import runs

    run = runs.current()
    run.records(frame)
    run.figure(figure, "latency", alt="Latency by model")
    run.metrics(ttft_p50_ms=41.2)
"""

import sys

# nbformat imports jsonschema, which compiles grammars of IRIs for seconds at its import where this package
# is installed (its issue 1428); no schema of notebooks has an IRI, and without it the check is left out
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from gateway_lib.runs.run import Run, current  # noqa: E402

__all__ = ["Run", "current"]
