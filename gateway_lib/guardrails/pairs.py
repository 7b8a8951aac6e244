"""Whether it matters how one asks: the same case over both interfaces, and streamed or not."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from gateway_lib.benchmark.results.intervals import Estimate
from gateway_lib.guardrails import clusters
from gateway_lib.guardrails.records import told


@dataclass(frozen=True)
class Agreement:
    """How often two ways of asking come to the same outcome.

    Attributes:
        share: Pairs with the same outcome, with Wilson's interval; the pairs of a written case and of its
            disguised copies are a cluster.
        kappa: Cohen's kappa, agreement beyond chance; None where all outcomes are one and the same.
        differ: Cases with two outcomes: `case`, `guardrail`, and the outcome of each.
    """

    share: Estimate
    kappa: float | None
    differ: pd.DataFrame


def agreement(frame: pd.DataFrame, over: str = "interface") -> Agreement | None:
    """Compare the two values of a column, pair by pair.

    Args:
        frame: Records.
        over: `interface` or `streamed`; the rest of a pair is the same.

    Returns:
        None where there is no pair.
    """
    keys = ["case", "guardrail", *({"interface", "streamed"} - {over})]
    known = told(frame)
    table = known.pivot_table(index=keys, columns=over, values="outcome", aggfunc="first").dropna()
    if table.shape[1] != 2 or table.empty:
        return None
    first, second = (table[name].astype(str) for name in table.columns)
    same = first == second
    bases = dict(zip(known["case"], clusters.written(known), strict=True))
    cases = pd.Series(table.index.get_level_values("case"), same.index)
    differ = table[~same].reset_index()
    differ.columns = [str(name) for name in differ.columns]
    share = clusters.share(same, cases.map(bases))
    return None if share is None else Agreement(share, _kappa(first, second), differ)


def _kappa(first: pd.Series, second: pd.Series) -> float | None:
    """Cohen, Educational and Psychological Measurement 20, 1960."""
    observed = float((first == second).mean())
    shares = [values.value_counts(normalize=True) for values in (first, second)]
    chance = float(sum(share * shares[1].get(name, 0.0) for name, share in shares[0].items()))
    return (observed - chance) / (1 - chance) if chance < 1 else None
