"""A progress bar for a person who watches a notebook; unattended there is none in the record."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeVar

from gateway_lib.runs.run import FOLDER_VARIABLE

T = TypeVar("T")


def progress(steps: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The same steps, with a bar that counts them.

    Args:
        steps: What is counted.
        total: How many there will be.
        what: In front of the bar.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets it is a bar of characters, and says so
        from tqdm.auto import tqdm
    hidden = FOLDER_VARIABLE in os.environ
    yield from tqdm(steps, total=total, desc=what, unit="user", disable=hidden)
