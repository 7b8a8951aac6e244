"""What part of the calls each deployment answered, and whether that is the part it was to have."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy import stats

CONFIDENCE = 0.99
REFUSED = "refused"


def shares(
    served: pd.DataFrame,
    names: Mapping[str, str],
    weights: Mapping[str, float] | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """One row per deployment, and one for the calls that were refused.

    Args:
        served: Of `calls.count`.
        names: By id of a deployment, what it is called for people. Those that answered without being
            among them come under their id.
        weights: By name (`refused` may be one), what part of the calls it was to have, in any unit;
            nothing where it is not said.
        confidence: Of the intervals.

    Returns:
        Index `answered_by`; `calls`, `share` with its interval `low` and `high` (Clopper and Pearson, 1934:
        exact, never too narrow), `expected` and the two-sided exact binomial `p` against it, `beyond`: calls
        more than expected (less, where negative), which a limit or a failure of another has sent here, and
        `fell_back`: how many of its calls LiteLLM says it went on with after another one.
        A share is of all calls, refused ones among them.
    """
    total = len(served)
    whole = sum((weights or {}).values())
    by = served["deployment"].where(served["status"] == 200, REFUSED)
    by = by.map(lambda one: names.get(one, one))
    listed = [*dict.fromkeys([*names.values(), *by[by != REFUSED]])]
    if (by == REFUSED).any():
        listed.append(REFUSED)
    rows = []
    for name in listed:
        own = served[by == name]
        expected = weights.get(name, 0.0) / whole if weights else None
        rows.append(_row(own, total, expected, confidence))
    frame = pd.DataFrame(rows, index=pd.Index(listed, name="answered_by"))
    return frame.astype({"expected": float, "p": float, "beyond": float})


def _row(
    own: pd.DataFrame, total: int, expected: float | None, confidence: float
) -> dict[str, float | int | None]:
    calls = len(own)
    row: dict[str, float | int | None] = dict.fromkeys(
        ("calls", "share", "low", "high", "expected", "p", "beyond")
    )
    row |= {"calls": calls, "share": calls / total if total else None}
    if total:
        test = stats.binomtest(calls, total, expected if expected is not None else 0.5)
        interval = test.proportion_ci(confidence, method="exact")
        row |= {"low": float(interval.low), "high": float(interval.high)}
        if expected is not None:
            row |= {
                "expected": expected,
                "p": float(test.pvalue),
                "beyond": calls - expected * total,
            }
    return {**row, "fell_back": int((own["fallbacks"] > 0).sum())}
