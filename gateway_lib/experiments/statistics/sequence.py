"""Intervals that hold at every look together: asymptotic confidence sequences of a normal mixture.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
sequences, Annals of Statistics 2024 (proposition 2.5; one-sided, appendix). With independent calls n is their
number. Calls of one unit resemble each other, and a unit's calls come in over time: so the clock is not a
count but the information, the number of independent calls that would say as much (`Contrast.effective`).

The sequence is asymptotic: it holds from about `FIRST_UNITS` units an arm on, and earlier looks are refused.
"""

from __future__ import annotations

import math

FIRST_UNITS = 50
"""Units an arm has to have before it is looked at."""


def tuning(alpha: float) -> float:
    """The mixture's rho squared times n that makes the interval narrowest at n."""
    told = -2 * math.log(alpha)
    return told + math.log(1 + told)


def clock(effective: float, target: float, alpha: float) -> float:
    """Rho squared times the information so far.

    Args:
        effective: Independent calls that say as much as those so far.
        target: How many of them there will be at the planned end, where the interval is to be narrowest.
        alpha: Two-sided error.
    """
    return tuning(alpha) * max(effective, 1e-9) / target


def critical(time: float, alpha: float) -> float:
    """Half width of the two-sided interval in standard errors, at a moment of the clock."""
    return math.sqrt(2 * (time + 1) / time * math.log(math.sqrt(time + 1) / alpha))


def critical_one_sided(time: float, alpha: float) -> float:
    """Distance of a one-sided bound in standard errors, at a moment of the clock."""
    return math.sqrt(2 * (time + 1) / time * math.log1p(math.sqrt(time + 1) / (2 * alpha)))


def p_value(z: float, time: float) -> float:
    """Always-valid p-value of a difference of `z` standard errors: one over the mixture's likelihood ratio.

    Johari, Koomen, Pekelis and Walsh, Always valid inference, Operations Research 2022.
    """
    exponent = 0.5 * math.log(time + 1) - z * z * time / (2 * (time + 1))
    return min(1.0, math.exp(exponent))
