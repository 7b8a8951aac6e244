"""What the checks of Bedrock's guardrails cost.

A text unit has up to 1,000 characters, and each kind of check that is configured bills its own. Prices are
those of the US regions for the classic tier, US dollars per 1,000 text units, as of June 2026
(https://aws.amazon.com/bedrock/pricing/). Words and regular expressions are free of charge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PER_1000 = {
    "topic": 0.15,
    "content": 0.15,
    "sensitive": 0.10,
    "grounding": 0.10,
    "word": 0.0,
    "regex": 0.0,
}
"""By kind of check, as `Assumed.policies` names them."""
_USAGE = {
    "topicPolicyUnits": "topic",
    "contentPolicyUnits": "content",
    "sensitiveInformationPolicyUnits": "sensitive",
    "contextualGroundingPolicyUnits": "grounding",
    "wordPolicyUnits": "word",
    "sensitiveInformationPolicyFreeUnits": "regex",
}
_UNIT = 1000


def told(usage: Mapping[str, int]) -> tuple[int, float]:
    """Text units and US dollars of the usage that a guardrail told.

    Args:
        usage: AWS's `GuardrailUsage`, of all checks of a call together.
    """
    known = {_USAGE[name]: units for name, units in usage.items() if name in _USAGE}
    return sum(known.values()), sum(units * PER_1000[kind] / 1000 for kind, units in known.items())


def estimated(policies: Iterable[str], *characters: int) -> tuple[int, float]:
    """The same where it told none: every text is checked by every kind that is configured.

    Args:
        policies: Kinds of checks.
        characters: Length of each text that is checked, such as the question and the answer.
    """
    units = sum(-(-length // _UNIT) for length in characters)
    kinds = list(policies)
    return units * len(kinds), sum(units * PER_1000[kind] / 1000 for kind in kinds)
