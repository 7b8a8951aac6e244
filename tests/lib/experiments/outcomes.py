"""Outcomes of an experiment whose truth is known, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gateway_lib.experiments.file import Experiment, parse

BEGAN = pd.Timestamp("2026-03-02T08:00:00Z")


def experiment(**changed: Any) -> Experiment:
    """The known truth's experiment; `changed` replaces parts of its document."""
    document: dict[str, Any] = {
        "hypothesis": "The candidate costs less, and is right about as often.",
        "routing": {
            "name": "known-truth",
            "unit": "request",
            "arms": [{"name": "control", "model": "a"}, {"name": "candidate", "model": "b"}],
        },
        "primary": {"metric": "cost", "mde": 0.1},
        "secondary": ["latency", "ttft", "output_tokens"],
        "guardrails": [{"metric": "correct", "margin": 0.05}],
        "metrics": [
            {"name": "correct", "kind": "proportion", "value": "feedback.correct", "goal": "higher"}
        ],
        "analysis": {"rule": "sequential", "units": 8000},
    }
    return parse({**document, **changed}, "test")


def outcomes(
    per_arm: int,
    *,
    seed: int = 0,
    calls_per_unit: int = 1,
    icc: float = 0.0,
    faster: float = 0.15,
    cheaper: float = 0.20,
    less_correct: float = 0.02,
    correct: float = 0.9,
    arms: tuple[str, ...] = ("control", "candidate"),
) -> pd.DataFrame:
    """Calls of all arms, `per_arm` each; every arm but the first differs from it by the given truth.

    Latency is log-normal, its logarithm with a part per unit; costs follow a gamma; answers are right by
    chance, with a unit's own tendency. `icc` is the share of the variance that is the unit's.
    """
    rng = np.random.default_rng(seed)
    n = per_arm * len(arms)
    units = np.repeat(np.arange(-(-n // calls_per_unit)), calls_per_unit)[:n]
    arm_of_unit = np.arange(units[-1] + 1) % len(arms)
    arm = arm_of_unit[units]
    order = rng.permutation(n)
    units, arm = units[order], arm[order]
    treated = arm > 0
    ours, own = np.sqrt(icc) * rng.normal(size=units.max() + 1), np.sqrt(1 - icc)
    mood = ours[units] + own * rng.normal(size=n)
    latency = 900 * np.exp(0.6 * mood) * np.where(treated, 1 - faster, 1)
    tokens = rng.negative_binomial(5, 5 / 205, size=n) + 1
    cost = 3e-6 * tokens * np.where(treated, 1 - cheaper, 1) * rng.gamma(20, 1 / 20, size=n)
    right = rng.random(n) < correct - less_correct * treated
    ids = np.array([f"{i:016x}" for i in range(units.max() + 1)])
    names = pd.Categorical.from_codes(arm, list(arms))
    return pd.DataFrame(
        {
            "request_id": np.char.add("r", np.arange(n).astype(str)),
            "version": np.ones(n, dtype=np.int32),
            "unit": ids[units],
            "arm": names,
            "role": pd.Categorical.from_codes(np.zeros(n, dtype=int), ["answer"]),
            "pair": pd.Series([None] * n, dtype=object),
            "assigned_at": BEGAN + pd.to_timedelta(np.sort(rng.random(n)) * 7 * 86400, unit="s"),
            "ended": np.ones(n, dtype=bool),
            "status": np.full(n, 200, dtype=np.int16),
            "failed": np.zeros(n, dtype=bool),
            "latency_ms": latency,
            "ttft_ms": latency * 0.3,
            "input_tokens": tokens // 3,
            "output_tokens": tokens,
            "output_ktokens": tokens / 1000,
            "cost_usd": cost,
            "fell_back": np.zeros(n, dtype=bool),
            "feedback.correct": right.astype(float),
        }
    )
