"""Limits count calendar minutes; what is counted has to fall into one."""

from __future__ import annotations

import time


def within_a_minute(seconds: float) -> None:
    """Wait until so many seconds of a calendar minute are left."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left)
