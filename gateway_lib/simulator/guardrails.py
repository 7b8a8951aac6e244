"""Guardrails with a known policy.

The first version of Bedrock's guardrails: words that block and patterns that are masked, listed in
the configuration. What a gateway reports about an intervention can be compared with the list.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import Field, field_validator

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict

Source = Literal["INPUT", "OUTPUT"]


class Mask(Strict):
    """A pattern replaced by ``{NAME}``; with a `type` it reports as one of AWS's PII entities."""

    name: str = Field(pattern=r"^[\w-]{1,100}$")
    pattern: str
    type: str | None = Field(default=None, pattern=r"^[A-Z_]+$")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Guardrail(Strict):
    """One version of a guardrail."""

    id: str = Field(pattern=r"^[a-z0-9]+$")
    version: str = Field(pattern=r"^([1-9][0-9]{0,7}|DRAFT)$")
    blocked_words: tuple[str, ...] = ()
    masks: tuple[Mask, ...] = ()
    blocked_input_message: str = "Sorry, the model cannot answer this question."
    blocked_output_message: str = "Sorry, the model cannot answer this question."

    @cached_property
    def _words(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple(
            (word, re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE))
            for word in self.blocked_words
        )

    def assess(self, text: str, source: Source) -> "Verdict":
        """Apply the policy to one text."""
        words = tuple(found[0] for _, rule in self._words if (found := rule.search(text)))
        masked, hits = text, []
        for mask in self.masks:
            label = mask.type or mask.name
            hits += [(mask, found[0]) for found in re.finditer(mask.pattern, masked)]
            masked = re.sub(mask.pattern, f"{{{label}}}", masked)
        if words:
            message = (
                self.blocked_input_message if source == "INPUT" else self.blocked_output_message
            )
            return Verdict(text, message, words, tuple(hits), blocked=True)
        return Verdict(text, masked, words, tuple(hits), blocked=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one text; `output` is the text to use instead."""

    text: str
    output: str
    words: tuple[str, ...]
    masked: tuple[tuple[Mask, str], ...]
    blocked: bool

    @property
    def intervened(self) -> bool:
        return self.blocked or bool(self.masked)

    def assessment(self) -> Json:
        """The verdict as a ``GuardrailAssessment`` of the Bedrock API."""
        built: Json = {
            "invocationMetrics": {
                "guardrailProcessingLatency": 1,
                "usage": usage([self.text]),
                "guardrailCoverage": coverage([self.text]),
            }
        }
        if self.words:
            built["wordPolicy"] = {
                "customWords": [
                    {"match": word, "action": "BLOCKED", "detected": True} for word in self.words
                ],
                "managedWordLists": [],
            }
        if self.masked:
            action = {"action": "ANONYMIZED", "detected": True}
            built["sensitiveInformationPolicy"] = {
                "piiEntities": [
                    {"match": match, "type": mask.type} | action
                    for mask, match in self.masked
                    if mask.type
                ],
                "regexes": [
                    {"name": mask.name, "match": match, "regex": mask.pattern} | action
                    for mask, match in self.masked
                    if not mask.type
                ],
            }
        return built


def usage(texts: list[str]) -> Json:
    """Text units as AWS bills them: one per thousand characters begun, for each policy used."""
    units = sum(-(-len(text) // 1000) for text in texts)
    return {
        "topicPolicyUnits": 0,
        "contentPolicyUnits": 0,
        "wordPolicyUnits": units,
        "sensitiveInformationPolicyUnits": units,
        "sensitiveInformationPolicyFreeUnits": units,
        "contextualGroundingPolicyUnits": 0,
    }


def coverage(texts: list[str]) -> Json:
    """How many characters were assessed: all."""
    total = sum(len(text) for text in texts)
    return {"textCharacters": {"guarded": total, "total": total}}


def apply(guardrail: Guardrail, texts: list[str], source: Source) -> Json:
    """Return the body of an ``ApplyGuardrail`` response."""
    verdicts = [guardrail.assess(text, source) for text in texts]
    intervened = [verdict for verdict in verdicts if verdict.intervened]
    blocked = next((verdict for verdict in verdicts if verdict.blocked), None)
    outputs: list[Json] = []
    if blocked:
        outputs = [{"text": blocked.output}]
    elif intervened:
        outputs = [{"text": verdict.output} for verdict in verdicts]
    reason = "Guardrail blocked." if blocked else "Guardrail masked."
    return {
        "usage": usage(texts),
        "action": "GUARDRAIL_INTERVENED" if intervened else "NONE",
        "actionReason": reason if intervened else "No action.",
        "outputs": outputs,
        "assessments": [verdict.assessment() for verdict in (intervened or verdicts[:1])],
        "guardrailCoverage": coverage(texts),
    }
