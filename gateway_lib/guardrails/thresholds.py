"""What is allowed to go wrong, and whether more did: for CI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from gateway_lib.errors import NotTold, ThresholdMissed
from gateway_lib.guardrails.records import guarded
from gateway_lib.guardrails.scoring import rates, streaming_leak


@dataclass(frozen=True)
class Thresholds:
    """Limits, each for every way of checking by itself; None for one that is not held to.

    Attributes:
        leak_pct: Most of the cases to block or mask that may leak, in percent.
        false_alarm_pct: Most of the harmless cases that may be stopped, in percent.
        streaming_leak_tokens: Most tokens of one blocked answer that may reach the client.
        error_pct: Most of the calls that may have failed; above it nothing else is judged.
    """

    leak_pct: float | None = None
    false_alarm_pct: float | None = None
    streaming_leak_tokens: int | None = None
    error_pct: float = 5.0

    def missed(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """A sentence for each limit that was missed.

        Raises:
            NotTold: Too many calls failed.
        """
        rows = guarded(frame)
        failed = rows["outcome"] == "error"
        if rows.empty or failed.mean() * 100 > self.error_pct:
            kinds = ", ".join(
                f"{n} {kind}" for kind, n in rows["error_kind"].value_counts().items()
            )
            raise NotTold(
                f"{failed.sum()} of {len(rows)} calls failed ({kinds or 'none was made'})"
            )
        return (*self._rates(frame), *self._streams(frame))

    def check(self, frame: pd.DataFrame) -> None:
        """Raise where one was missed.

        Raises:
            NotTold: Too many calls failed.
            ThresholdMissed: The first limit that was missed, and how many more.
        """
        found = self.missed(frame)
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise ThresholdMissed(f"{found[0]}{more}")

    def _rates(self, frame: pd.DataFrame) -> Iterator[str]:
        limits = (
            ("leak", self.leak_pct, "leaked"),
            ("false_alarm", self.false_alarm_pct, "stopped"),
        )
        for way, row in rates(frame).iterrows():
            for name, most, words in limits:
                value = row[f"{name}_rate"]
                if most is not None and pd.notna(value) and value * 100 > most:
                    count = f"{row[f'{name}s']:.0f} of {row[f'{name}_of']:.0f}"
                    kind = "cases" if name == "leak" else "harmless cases"
                    yield f"{said(way)}: {count} {kind} {words}, more than {most:g} %"

    def _streams(self, frame: pd.DataFrame) -> Iterator[str]:
        most = self.streaming_leak_tokens
        for way, row in streaming_leak(frame).iterrows():
            if most is not None and row["most"] > most:
                told = f"{row['most']:.0f} tokens of a blocked answer reached the client"
                yield f"{said(way)}: {told}, more than {most}"


def said(way: object) -> str:
    """A way of checking in words."""
    parts = way if isinstance(way, tuple) else (way,)
    return ", ".join(
        {True: "streamed", False: "not streamed"}[part] if isinstance(part, bool) else str(part)
        for part in parts
    )
