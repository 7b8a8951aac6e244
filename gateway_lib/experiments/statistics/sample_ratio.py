"""Sample-ratio mismatch: whether arms have the units that their weights promise.

Fixed: chi-square. Sequential: the multinomial's Bayes factor against a Dirichlet around the weights
(Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022), whose inverse is an
always-valid p-value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import gammaln
from scipy.stats import chisquare

FIXED_LEVEL = 0.001
SEQUENTIAL_LEVEL = 0.01
"""For all looks together; the fixed one is for each."""
CONCENTRATION = 2500.0
"""Of the Dirichlet; deviations that a few thousand units can show are what it looks for."""


def chi_square(observed: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """The p-value of counts against weights that sum to 1."""
    counts = np.array([observed[arm] for arm in weights], dtype=float)
    expected = np.array(list(weights.values())) * counts.sum()
    if counts.sum() == 0:
        return 1.0
    return float(chisquare(counts, expected).pvalue)


def always_valid(observed: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """The always-valid p-value of counts against weights that sum to 1."""
    counts = np.array([observed[arm] for arm in weights], dtype=float)
    shares = np.array(list(weights.values()))
    prior = CONCENTRATION * shares
    total = counts.sum()
    evidence = (
        gammaln(CONCENTRATION)
        - gammaln(CONCENTRATION + total)
        + (gammaln(prior + counts) - gammaln(prior)).sum()
        - (counts * np.log(shares)).sum()
    )
    return float(min(1.0, np.exp(-evidence)))
