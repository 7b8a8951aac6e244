"""The rules of a policy and what they find: topics, content filters, words, sensitive information, grounding.

Findings are AWS's own entries of a ``GuardrailAssessment``. A rule with ``action: none`` reports and
does nothing, as AWS's detect mode does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict

Source = Literal["INPUT", "OUTPUT"]
Level = Literal["NONE", "LOW", "MEDIUM", "HIGH"]
LEVELS: tuple[Level, ...] = ("NONE", "LOW", "MEDIUM", "HIGH")
Policy = Literal["topics", "filters", "customWords", "managedWordLists", "piiEntities", "regexes"]


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


Pattern = Annotated[str, AfterValidator(_compiles)]


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of an assessment, in AWS's words, under the policy's list that it belongs to."""

    policy: Policy
    entry: Json

    @property
    def blocks(self) -> bool:
        return bool(self.entry["action"] == "BLOCKED")


class Topic(Strict):
    """A denied topic; real ones are recognised by a model, this one by patterns."""

    name: str = Field(pattern=r"^[\w -]{1,100}$")
    definition: str = ""
    patterns: tuple[Pattern, ...]
    action: Literal["block", "none"] = "block"

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.patterns), re.IGNORECASE)

    def find(self, readings: tuple[str, ...]) -> Finding:
        """The finding; one that is not ``detected`` where the text is on something else."""
        hit = any(self._expression.search(text) for text in readings)
        entry = {"name": self.name, "type": "DENY", "action": _acted(self.action, hit)}
        return Finding("topics", {**entry, "detected": hit})


class Filter(Strict):
    """A content filter: how sure it is of each phrase, and from which confidence on it blocks.

    As in AWS, strength HIGH blocks what is found with any confidence, MEDIUM what is found with medium
    or high, LOW only what is found with high confidence, NONE nothing.
    """

    type: Literal["HATE", "INSULTS", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK"]
    input: Level = "HIGH"
    output: Level = "HIGH"
    phrases: dict[str, Level]
    action: Literal["block", "none"] = "block"

    def find(self, readings: tuple[str, ...], source: Source) -> Finding:
        """The finding, with the highest confidence of any phrase in the text."""
        strength = self.input if source == "INPUT" else self.output
        if self.type == "PROMPT_ATTACK" and source == "OUTPUT":
            strength = "NONE"
        lowered = [text.casefold() for text in readings]
        found = [
            LEVELS.index(level)
            for phrase, level in self.phrases.items()
            if any(phrase.casefold() in text for text in lowered)
        ]
        confidence = max(found, default=0)
        hit = confidence > 0 and confidence + LEVELS.index(strength) >= len(LEVELS)
        entry = {
            "type": self.type,
            "confidence": LEVELS[confidence],
            "filterStrength": strength,
            "action": _acted(self.action, hit),
            "detected": hit,
        }
        return Finding("filters", entry)


class Mask(Strict):
    """Sensitive information: a pattern, replaced by ``{NAME}`` or blocked.

    With a `type` it reports as one of AWS's PII entities, else as a regular expression of one's own.
    """

    name: str = Field(pattern=r"^[\w-]{1,100}$")
    pattern: Pattern
    type: str | None = Field(default=None, pattern=r"^[A-Z_]+$")
    action: Literal["mask", "block", "none"] = "mask"

    def find(self, text: str) -> Iterator[Finding]:
        """A finding for each match."""
        for found in re.finditer(self.pattern, text):
            entry: Json = {"match": found[0], "action": _acted(self.action, True), "detected": True}
            if self.type:
                yield Finding("piiEntities", {**entry, "type": self.type})
            else:
                yield Finding("regexes", {**entry, "name": self.name, "regex": self.pattern})

    def apply(self, text: str) -> str:
        """The text with the matches replaced."""
        return re.sub(self.pattern, f"{{{self.type or self.name}}}", text)


class Grounding(Strict):
    """Contextual grounding: the least scores of an answer, between 0 and 1."""

    grounding: NonNegativeFloat | None = Field(default=None, lt=1)
    relevance: NonNegativeFloat | None = Field(default=None, lt=1)

    def find(self, answer: str, source: str, query: str) -> list[Json]:
        """AWS's filters with their scores.

        The score of an answer's grounding is the share of its words that the source has, of its
        relevance the share of the query's words that it has; words of fewer than four letters aside.
        """
        said = _words(answer)
        scores = (
            ("GROUNDING", self.grounding, _share(said, _words(source))),
            ("RELEVANCE", self.relevance, _share(_words(query), said)),
        )
        return [
            {
                "type": kind,
                "threshold": least,
                "score": score,
                "action": "BLOCKED" if score < least else "NONE",
                "detected": score < least,
            }
            for kind, least, score in scores
            if least is not None
        ]


def _acted(action: str, hit: bool) -> str:
    return {"block": "BLOCKED", "mask": "ANONYMIZED"}.get(action, "NONE") if hit else "NONE"


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3}


def _share(part: set[str], whole: set[str]) -> float:
    return round(len(part & whole) / len(part), 2) if part else 1.0
