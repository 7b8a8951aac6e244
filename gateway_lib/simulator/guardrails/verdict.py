"""What a policy says of one text, and the same in AWS's shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.guardrails.rules import Finding, Policy

if TYPE_CHECKING:
    from gateway_lib.simulator.guardrails.policy import Guardrail

Outcome = Literal["block", "mask", "allow"]

_PARTS: dict[str, tuple[Policy, ...]] = {
    "topicPolicy": ("topics",),
    "contentPolicy": ("filters",),
    "wordPolicy": ("customWords", "managedWordLists"),
    "sensitiveInformationPolicy": ("piiEntities", "regexes"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one text; `output` is the text to use instead."""

    guardrail: Guardrail
    text: str
    output: str
    findings: tuple[Finding, ...]
    grounding: tuple[Json, ...]
    blocked: bool

    @property
    def intervened(self) -> bool:
        return self.blocked or self.output != self.text

    def assessment(self, *, full: bool = False, latency_ms: int = 1) -> Json:
        """The verdict as a ``GuardrailAssessment``.

        Args:
            full: with what was looked for and not found.
            latency_ms: how long the assessment took.
        """
        built: Json = {}
        for part, lists in _PARTS.items():
            entries = {
                name: [
                    each.entry
                    for each in self.findings
                    if each.policy == name and (full or each.entry["detected"])
                ]
                for name in lists
            }
            if any(entries.values()):
                built[part] = entries
        if self.grounding:
            built["contextualGroundingPolicy"] = {"filters": list(self.grounding)}
        return built | {
            "invocationMetrics": {
                "guardrailProcessingLatency": latency_ms,
                "usage": usage(self.guardrail, [self.text], grounded=bool(self.grounding)),
                "guardrailCoverage": coverage([self.text]),
            }
        }


def usage(guardrail: Guardrail, texts: list[str], *, grounded: bool = False) -> Json:
    """Text units as AWS bills them: one per thousand characters begun, for each policy that there is."""
    units = sum(-(-len(text) // 1000) for text in texts)
    paid = any(mask.type for mask in guardrail.masks)
    return {
        "topicPolicyUnits": units if guardrail.topics else 0,
        "contentPolicyUnits": units if guardrail.filters else 0,
        "wordPolicyUnits": units if guardrail.blocked_words or guardrail.profanity else 0,
        "sensitiveInformationPolicyUnits": units if paid else 0,
        "sensitiveInformationPolicyFreeUnits": units if guardrail.masks and not paid else 0,
        "contextualGroundingPolicyUnits": units if grounded else 0,
    }


def coverage(texts: list[str]) -> Json:
    """How many characters were assessed: all."""
    total = sum(len(text) for text in texts)
    return {"textCharacters": {"guarded": total, "total": total}}
