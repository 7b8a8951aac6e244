"""Tables to read, of guardrail runs."""

from __future__ import annotations

import pandas as pd

from gateway_lib.guardrails.scoring import added_latency, check_costs, confusion, rates


def rates_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Leaks and false alarms of each way of checking, with their 95 % intervals; empty without any."""
    table = rates(frame)
    if table.empty:
        return pd.DataFrame(columns=["leaked", "false alarms", "not told"])
    shown = pd.DataFrame(index=table.index)
    for name, heading in (("leak", "leaked"), ("false_alarm", "false alarms")):
        shown[heading] = [_share(row, name) for _, row in table.iterrows()]
    shown["not told"] = table["errors"]
    return _readable(shown)


def confusion_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What was expected, against what happened."""
    table = confusion(frame, ["guardrail", "mode"])
    table.columns = pd.Index([f"{name}" for name in table.columns])
    return table


def latency_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What each way of checking adds to a harmless call, with its 95 % interval."""
    table = added_latency(frame)
    if table.empty:
        return table
    shown = pd.DataFrame(index=table.index)
    shown["pairs"] = table["n"]
    shown["added ms"] = [_added(row) for _, row in table.iterrows()]
    return _readable(shown)


def costs_table(frame: pd.DataFrame) -> pd.DataFrame:
    """What the checks of a thousand calls cost."""
    table = check_costs(frame)
    return pd.DataFrame(
        {
            "text units per call": table["text_units"].map("{:.1f}".format),
            "$ per 1,000 calls": table["usd_per_1k"].map("{:.2f}".format),
            "units from": table["source"],
        }
    )


def _share(row: pd.Series, name: str) -> str:
    if pd.isna(row[f"{name}_rate"]):
        return "no case"
    counts = f"{row[f'{name}s']:.0f} of {row[f'{name}_of']:.0f}"
    low, high = row[f"{name}_low"] * 100, row[f"{name}_high"] * 100
    return f"{counts} = {row[f'{name}_rate']:.0%} [{low:.0f}, {high:.0f}]"


def _added(row: pd.Series) -> str:
    if pd.isna(row["added_ms"]):
        return "no pair"
    if pd.isna(row["low"]):
        return f"{row['added_ms']:+.0f} (n too small)"
    return f"{row['added_ms']:+.0f} [{row['low']:+.0f}, {row['high']:+.0f}]"


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """With ways of checking in words."""
    if "streamed" in table.index.names:
        words = table.index.get_level_values("streamed").map({True: "yes", False: "no"})
        table = table.reset_index("streamed", drop=True).set_index(words, append=True)
    return table
