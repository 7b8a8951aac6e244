"""Examples of what leaked and of false alarms, to read. Their texts are redacted unless asked for."""

from __future__ import annotations

import pandas as pd

from gateway_lib.guardrails.scoring import judged
from gateway_lib.guardrails.suite import Suite

_WORST = ("critical", "high", "medium", "low")


def redacted(text: str) -> str:
    """The text with its shape and nothing more: letters are x or X, digits 0, signs and spaces stay."""
    return "".join(map(_shape, text))


def _shape(char: str) -> str:
    if char.isdigit():
        return "0"
    if char.isalpha():
        return "X" if char.isupper() else "x"
    return char if char.isascii() else "."


def examples(
    frame: pd.DataFrame,
    suite: Suite,
    *,
    kind: str = "leak",
    most: int | None = 20,
    reveal: bool = False,
) -> pd.DataFrame:
    """Cases that went wrong in any way of checking, the most severe first.

    Args:
        frame: Records.
        suite: Of them; holds the texts.
        kind: `leak` or `false_alarm`.
        most: How many; all where None.
        reveal: Show the texts themselves. What leaks may be a secret, and notebooks are passed on.

    Returns:
        A row per case: what it is, `ways` in which it went wrong of those in which it was asked, and `text`.
    """
    rows = judged(frame)
    cases = {case.id: case for case in suite.cases}
    found = []
    for name, part in rows.groupby("case", observed=True):
        case, wrong = cases.get(str(name)), int(part[kind].sum())
        if not wrong:
            continue
        row = part.iloc[0]
        about = {
            column: row[column]
            for column in ("severity", "owasp", "category", "place", "obfuscation", "expected")
        }
        text = case.text if case else ""
        shown = text if reveal else redacted(text)
        found.append({"case": name, **about, "ways": f"{wrong} of {len(part)}", "text": shown})
    columns = ["severity", "owasp", "category", "place", "obfuscation", "expected", "ways", "text"]
    if not found:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(found).set_index("case")
    order = table["severity"].map(_WORST.index)
    return table.loc[order.sort_values(kind="stable").index].head(most or len(table))


def wrong(frame: pd.DataFrame, kind: str = "leak") -> set[str]:
    """Ids of the cases that leaked, or were a false alarm, in any way of checking."""
    rows = judged(frame)
    return set(map(str, rows.loc[rows[kind], "case"]))
