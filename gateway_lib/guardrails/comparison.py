"""Two versions of a guardrail against each other, case by case, before the newer one is promoted.

Both were asked the same cases, so only the cases on which they differ tell them apart. A case is counted
once, however often it was asked: it leaked if it leaked in any way that both were asked in. Disguised copies
of a case are changed together, so the test is that of clusters (`clusters.p_value`); without copies it is
McNemar's (the binomial test on the discordant cases; McNemar, Psychometrika 12, 1947).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from gateway_lib.errors import ChecksUnusable
from gateway_lib.guardrails import clusters
from gateway_lib.guardrails.records import KEY
from gateway_lib.guardrails.scoring import judged

Verdict = Literal["better", "worse", "same", "cannot tell"]
ALPHA = 0.05


@dataclass(frozen=True)
class Change:
    """What changed in one respect.

    Attributes:
        what: `leaks` or `false alarms`.
        before: How many cases, of `n`.
        after: The same of the other.
        n: Cases that both were asked.
        mended: Cases that went wrong before only.
        broken: Cases that go wrong after only.
        p: Of the exact test over written cases, two-sided; 1 where nothing changed.
        verdict: `same` where no case changed, `cannot tell` where too few did.
    """

    what: str
    before: int
    after: int
    n: int
    mended: tuple[str, ...]
    broken: tuple[str, ...]
    p: float
    verdict: Verdict


@dataclass(frozen=True)
class Versions:
    """Both respects, and what follows.

    Attributes:
        leaks: Of cases to block or to mask.
        false_alarms: Of harmless ones.
        promote: Yes where something is better and nothing is worse; no where something is worse; None where
            that cannot be told yet.
    """

    leaks: Change
    false_alarms: Change

    @property
    def promote(self) -> bool | None:
        verdicts = {self.leaks.verdict, self.false_alarms.verdict}
        if "worse" in verdicts:
            return False
        return True if "better" in verdicts and "cannot tell" not in verdicts else None

    @property
    def advice(self) -> str:
        """What follows, in words."""
        words = {True: "promote", False: "do not promote", None: "cannot tell yet"}
        return words[self.promote]

    def table(self) -> pd.DataFrame:
        """To read: a row per respect."""
        rows = [
            {
                "": change.what,
                "before": f"{change.before} of {change.n}",
                "after": f"{change.after} of {change.n}",
                "mended": len(change.mended),
                "broken": len(change.broken),
                "p": f"{change.p:.3g}",
                "verdict": change.verdict,
            }
            for change in (self.leaks, self.false_alarms)
        ]
        return pd.DataFrame(rows).set_index("")


def compare(
    before: pd.DataFrame, after: pd.DataFrame, guardrails: tuple[str, str] | None = None
) -> Versions:
    """Compare two guardrails over the cases that both were asked.

    Args:
        before: Records of the one in use.
        after: Records of the one in question; may be the same table.
        guardrails: Their names, where a table has several.

    Raises:
        ChecksUnusable: A table has none or several and no name is given, the suites are not the same, or
            no case was asked of both.
    """
    suites = {frame.attrs.get(KEY, {}).get("suite_digest") for frame in (before, after)}
    if len(suites) > 1:
        raise ChecksUnusable("the two were asked different suites")
    names = guardrails or (_only(before), _only(after))
    tables = []
    for frame, name in zip((before, after), names, strict=True):
        rows = judged(frame)
        rows = rows[rows["guardrail"] == name].copy()
        rows["written"] = clusters.written(rows)
        if rows.empty:
            raise ChecksUnusable(f"no check of guardrail {name!r} with an outcome")
        tables.append(rows.set_index(["case", "interface", "streamed"]))
    common = tables[0].index.intersection(tables[1].index)
    if common.empty:
        raise ChecksUnusable("no case was asked of both in the same way")
    pair = [table.loc[common] for table in tables]
    return Versions(
        _change("leaks", "leak", [rows[rows["expected"] != "allow"] for rows in pair]),
        _change(
            "false alarms", "false_alarm", [rows[rows["expected"] == "allow"] for rows in pair]
        ),
    )


def compare_or_reason(
    frame: pd.DataFrame, guardrails: tuple[str, str]
) -> tuple[Versions | None, str]:
    """The same of one table, with its advice; None and the reason where the two cannot be compared."""
    try:
        versions = compare(frame, frame, guardrails)
    except ChecksUnusable as error:
        return None, f"not compared: {error}"
    return versions, versions.advice


def _only(frame: pd.DataFrame) -> str:
    names = sorted(set(judged(frame)["guardrail"]))
    if len(names) != 1:
        raise ChecksUnusable(f"name the guardrail to compare, of: {', '.join(names) or 'none'}")
    return str(names[0])


def _change(what: str, column: str, pair: list[pd.DataFrame]) -> Change:
    wrong = [set(rows.index.get_level_values("case")[rows[column]]) for rows in pair]
    n = pair[0].index.get_level_values("case").nunique()
    mended, broken = wrong[0] - wrong[1], wrong[1] - wrong[0]
    differ = len(mended) + len(broken)
    bases = dict(zip(pair[0].index.get_level_values("case"), pair[0]["written"], strict=True))
    changes = Counter(bases[case] for case in broken)
    changes.subtract(bases[case] for case in mended)
    p = clusters.p_value(changes.values())
    verdict: Verdict = "same" if not differ else "cannot tell"
    if differ and p < ALPHA:
        verdict = "better" if len(mended) > len(broken) else "worse"
    return Change(
        what, len(wrong[0]), len(wrong[1]), n, _sorted(mended), _sorted(broken), p, verdict
    )


def _sorted(cases: set[str]) -> tuple[str, ...]:
    return tuple(sorted(cases))
