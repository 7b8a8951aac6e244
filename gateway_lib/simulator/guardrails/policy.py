"""One version of a guardrail: the policy, and how it behaves as a service."""

import re
from collections.abc import Iterable
from functools import cached_property

from pydantic import Field, NonNegativeInt

from gateway_lib.simulator.guardrails.rules import (
    Filter,
    Finding,
    Grounding,
    Mask,
    Source,
    Topic,
)
from gateway_lib.simulator.guardrails.sight import Disguise, readings
from gateway_lib.simulator.guardrails.verdict import Outcome, Verdict
from gateway_lib.simulator.profiles import Distribution, Strict

_REFUSAL = "Sorry, the model cannot answer this question."


class Guardrail(Strict):
    """The truth about one version of a guardrail.

    Whatever the rules do not find, because they lack it or because it is in a disguise that is not
    among `sees_through`, is a leak by construction; what they find in a harmless text is a false alarm.
    """

    id: str = Field(pattern=r"^[a-z0-9]+$")
    version: str = Field(pattern=r"^([1-9][0-9]{0,7}|DRAFT)$")
    description: str = ""
    sees_through: frozenset[Disguise] = frozenset({"case"})
    topics: tuple[Topic, ...] = ()
    filters: tuple[Filter, ...] = ()
    blocked_words: tuple[str, ...] = ()
    profanity: tuple[str, ...] = ()
    """The words of the managed list."""
    masks: tuple[Mask, ...] = ()
    grounding: Grounding = Grounding()
    blocked_input_message: str = _REFUSAL
    blocked_output_message: str = _REFUSAL
    latency_ms: Distribution = Distribution(constant=1)
    """How long one assessment takes."""
    async_lag_tokens: NonNegativeInt = 12
    """Tokens of a withheld answer that an asynchronous stream has sent when it is stopped."""

    def assess(
        self, text: str, source: Source, *, grounded_on: str = "", query: str = ""
    ) -> Verdict:
        """Apply the policy to one text.

        Args:
            text: What is checked.
            source: Whether somebody asks it or a model answers it.
            grounded_on: The source that an answer has to be grounded on; without one that is not checked.
            query: The question that the answer has to be relevant to.
        """
        seen = readings(text, self.sees_through)
        found = [topic.find(seen) for topic in self.topics]
        found += [each.find(seen, source) for each in self.filters]
        found += self._words(seen)
        found += [finding for mask in self.masks for finding in mask.find(text)]
        checked = source == "OUTPUT" and grounded_on
        grounding = self.grounding.find(text, grounded_on, query) if checked else []
        blocked = any(each.blocks for each in found) or any(
            each["action"] == "BLOCKED" for each in grounding
        )
        output = self._message(source) if blocked else self.masked(text)
        return Verdict(self, text, output, tuple(found), tuple(grounding), blocked)

    def masked(self, text: str) -> str:
        """The text with its sensitive information replaced."""
        for mask in self.masks:
            text = mask.apply(text) if mask.action == "mask" else text
        return text

    def outcome(self, texts: Iterable[str], source: Source = "INPUT") -> Outcome:
        """What becomes of texts that are checked one by one: the truth to hold measurements against."""
        verdicts = [self.assess(text, source) for text in texts]
        if any(verdict.blocked for verdict in verdicts):
            return "block"
        return "mask" if any(verdict.intervened for verdict in verdicts) else "allow"

    def _message(self, source: Source) -> str:
        return self.blocked_input_message if source == "INPUT" else self.blocked_output_message

    def _words(self, seen: tuple[str, ...]) -> list[Finding]:
        found = []
        for managed, expression in self._word_rules:
            hits = [hit for text in seen if (hit := expression.search(text))]
            if hits:
                entry = {"match": hits[0][0], "action": "BLOCKED", "detected": True}
                if managed:
                    found.append(Finding("managedWordLists", {**entry, "type": "PROFANITY"}))
                else:
                    found.append(Finding("customWords", entry))
        return found

    @cached_property
    def _word_rules(self) -> tuple[tuple[bool, re.Pattern[str]], ...]:
        flags = re.IGNORECASE if "case" in self.sees_through else re.NOFLAG
        return tuple(
            (managed, re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", flags))
            for managed, words in ((False, self.blocked_words), (True, self.profanity))
            for word in words
        )
