"""Numbers and moments as people read them, the same in the terminal and on the pages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

_NONE = "\u2013"
_UNITS = {"_ms": " ms", "_s": " s", "_pct": " %", "_usd": ""}


def moment_text(moment: datetime) -> str:
    """`2026-03-01 12:30:05 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def duration_text(seconds: float | None) -> str:
    """`820 ms`, `12.3 s` or `4 min 05 s`."""
    if seconds is None:
        return _NONE
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def figure_text(name: str, value: object) -> tuple[str, str]:
    """Label and value of a headline figure, with the unit its name ends in.

    Three significant digits; `ttft_p50_ms=41.234` becomes `("ttft p50", "41.2 ms")`.
    """
    unit = next((suffix for suffix in _UNITS if name.endswith(suffix)), "")
    label = name.removesuffix(unit).replace("_", " ")
    if isinstance(value, bool):
        return label, "yes" if value else "no"
    if value is None:
        return label, _NONE
    if isinstance(value, int | float):
        dollars = "$" if unit == "_usd" else ""
        return label, f"{dollars}{_significant(value)}{_UNITS.get(unit, '')}"
    return label, str(value)


def _significant(number: float) -> str:
    if isinstance(number, int) or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{Decimal(f'{number:.3g}'):f}"
