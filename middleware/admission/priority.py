"""`priority`: which call goes first. The lower the number the earlier, and 0 is before all others.

The field is this gateway's and goes no further. LiteLLM 1.106 takes 0 for nothing and sends it to the
provider, who refuses it; from 1 on it only puts the calls of a model in order that has no deployment left.
"""

from __future__ import annotations

from typing import Any

from middleware.admission.errors import PriorityTooHigh
from middleware.errors import InvalidRequest

LAST = 9999
"""The highest number, for what may wait for everything else."""


def taken_from(fields: dict[str, Any]) -> int | None:
    """The priority in `fields`, which lose it; None where they say nothing. Null says nothing.

    Raises:
        InvalidRequest: it is no whole number from 0 to `LAST`.
    """
    priority = fields.pop("priority", None)
    if priority is None:
        return None
    if type(priority) is not int or not 0 <= priority <= LAST:  # true and false are `int` as well
        raise InvalidRequest(f"priority must be a whole number from 0, the first, to {LAST}.")
    return priority


def granted(asked: int | None, best: int | None, standard: int) -> int:
    """The priority that a call has.

    Args:
        asked: what its caller wants.
        best: what his policy gives him, which is also the best that he can ask for.
        standard: that of a call of which nobody says anything.

    Raises:
        PriorityTooHigh: he asks for a better one. It is refused, not corrected, so that nobody counts on a
            precedence that he does not have.
    """
    if asked is None:
        return standard if best is None else best
    if best is not None and asked < best:
        raise PriorityTooHigh(f"The best priority of this key's calls is {best}; {asked} is not.")
    return asked
