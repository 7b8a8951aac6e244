"""The nightly evaluation of a live gateway: notebooks run unattended, their run folders kept in S3.

`python -m gateway_lib.evaluation` is what the container of the scheduled job `evaluate` runs.
"""

from gateway_lib.evaluation.night import Night, evaluate

__all__ = ["Night", "evaluate"]
