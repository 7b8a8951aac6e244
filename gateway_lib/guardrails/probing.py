"""Probes of a gateway as a notebook or a command makes them, and what they found as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from gateway_lib.guardrails.probes import Probed, Target

_VARIABLE = {"PROMPTTXT1": ("city", "tone")}
"""Variables of the simulator's prompts to hide a text in."""


def local_target(environment: Mapping[str, str], **fields: Any) -> Target:
    """What is to be probed, with what the environment of a local stack has for it.

    Args:
        environment: As `gateway env` prints it; others have neither a simulator nor its prompt.
        fields: Of the `Target`.
    """
    arn = environment.get("GATEWAY_PROMPT_ARN", "")
    found = re.search(r"prompt/(\w+)", arn)
    return Target(
        simulator=environment.get("GATEWAY_SIMULATOR_URL", ""),
        prompt_arn=arn,
        prompt_variables=_VARIABLE.get(found[1], ()) if found else (),
        **fields,
    )


def probes_table(found: Iterable[Probed]) -> pd.DataFrame:
    """A row per probe: what it tries, whether that way is `open` or `closed`, and the evidence."""
    rows = [(one.probe, one.about, one.state, one.evidence) for one in found]
    table = pd.DataFrame(rows, columns=["probe", "what it tries", "state", "evidence"])
    return table.set_index("probe")
