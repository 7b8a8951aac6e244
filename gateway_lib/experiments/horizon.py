"""Where a fixed horizon ends: at the moment at which the planned units were there."""

from __future__ import annotations

import numpy as np

from gateway_lib.experiments.calls import Calls


def units_there(calls: Calls) -> int:
    """Units that have come; of pairs, those that have been in all arms."""
    present = calls.presence
    return int((present.any(axis=1) if calls.pair is None else present.all(axis=1)).sum())


def calls_until(calls: Calls, planned: int) -> int | None:
    """How many calls had come when the planned units were there; None where they are not.

    Units count in the order of their first call. Later calls of the same units do not belong to it: how many
    of them there are depends on when one looks, and one look is to give what every later one gives.
    """
    size = len(calls.names), len(calls.arms)
    first = np.full(size, len(calls))
    np.minimum.at(first, (calls.unit, calls.arm), np.arange(len(calls)))
    came = np.sort(first.min(axis=1) if calls.pair is None else first.max(axis=1))
    if planned > len(came) or came[planned - 1] == len(calls):
        return None
    moments = calls.frame["assigned_at"]
    return int((moments <= moments.iloc[came[planned - 1]]).sum())
