"""Names with `*` in them, which stands for any part; everything else is literal."""

from __future__ import annotations

import re
from functools import lru_cache


def covers(pattern: str, name: str) -> bool:
    """Whether everything that `name` means, which may have a `*` itself, is also meant by `pattern`."""
    return pattern == name or ("*" in pattern and bool(_compiled(pattern).fullmatch(name)))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\*+", pattern)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)
