"""Cases that are copies of each other: a written case and its disguises are judged alike more often than not.

So they count as a cluster. A share's interval is that of as many independent cases as the clusters are worth
(Korn and Graubard, Survey Methodology 24, 1998). Two versions are told apart by clusters: had nothing
changed, what a cluster gained and lost could as well have been the other way around (Fisher's randomisation
test; its normal approximation is the clustered McNemar test of Durkalski, Palesch, Lipsitz and Rust,
Statistics in Medicine 22, 2003). Where each case is a cluster this is McNemar's exact test.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gateway_lib.benchmark.results.dependence import design_effect
from gateway_lib.benchmark.results.intervals import Estimate, proportion_interval


def written(rows: pd.DataFrame) -> pd.Series:
    """The id of the written case that each row's case is, or is a disguised copy of.

    Args:
        rows: Records, with `case` and `obfuscation`.
    """
    pairs = zip(rows["case"], rows["obfuscation"], strict=True)
    return pd.Series(
        [case.removesuffix(f".{way}") for case, way in pairs], rows.index, dtype=object
    )


def share(happened: pd.Series, clusters: pd.Series) -> Estimate | None:
    """How often something happened, with Wilson's interval for clusters; None without a row."""
    if happened.empty:
        return None
    effect = design_effect(happened.to_numpy(float), clusters.to_numpy())
    return proportion_interval(int(happened.sum()), len(happened), design_effect=effect)


def p_value(changes: Iterable[int]) -> float:
    """Of the two-sided exact test that nothing changed.

    Args:
        changes: Of each cluster, the cases that got worse less those that got better.
    """
    given = [change for change in changes if change]
    sizes = list(map(abs, given))
    chances = np.ones(1)  # of each sum from -total to total
    for size in sizes:
        step = np.zeros(2 * size + 1)
        step[[0, -1]] = 0.5
        chances = np.convolve(chances, step)
    sums = np.abs(np.arange(len(chances)) - sum(sizes))
    return float(min(1.0, chances[sums >= abs(sum(given))].sum()))
