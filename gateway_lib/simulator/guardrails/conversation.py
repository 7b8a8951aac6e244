"""A guardrail in Converse: which texts of a conversation it checks, and what of an answer gets out.

As in AWS, the texts of all messages are checked, unless the caller marks some as ``guardContent``: then
those only, in the system text too. Tool results, documents and a system text without marks are not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from gateway_lib.simulator.conversation import ChatRequest, Guarded, Json
from gateway_lib.simulator.faults import Fault
from gateway_lib.simulator.guardrails.policy import Guardrail
from gateway_lib.simulator.guardrails.verdict import Verdict
from gateway_lib.simulator.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Guarding:
    """A guardrail at work on one request.

    In an asynchronous stream the answer is on its way while it is checked: nothing in it is masked, and
    what is blocked ends after some tokens, which have leaked.
    """

    guardrail: Guardrail
    is_async: bool = False

    @classmethod
    def of(cls, guardrail: Guardrail | None, config: Json | None, stream: bool) -> Guarding | None:
        """What a request's ``guardrailConfig`` asks for."""
        if guardrail is None:
            return None
        mode = (config or {}).get("streamProcessingMode", "sync")
        return cls(guardrail, stream and mode == "async")

    def asked(self, request: ChatRequest) -> tuple[Verdict, ...]:
        """A verdict for each text of the request that is checked."""
        marked = _marked(request)
        texts = [each.text for each in marked if not _qualified(each, "grounding_source", "query")]
        if not marked:
            texts = [turn.text for turn in request.turns if turn.text]
        return tuple(self.guardrail.assess(text, "INPUT") for text in texts)

    def answered(self, request: ChatRequest, text: str) -> Verdict:
        """The verdict on an answer; with grounding where the request has a source marked as such."""
        marked = _marked(request)
        source = " ".join(each.text for each in marked if _qualified(each, "grounding_source"))
        query = " ".join(each.text for each in marked if _qualified(each, "query"))
        return self.guardrail.assess(text, "OUTPUT", grounded_on=source, query=query)

    def released(self, verdict: Verdict) -> str:
        """What the caller gets of an answer."""
        if not self.is_async:
            return verdict.output
        if not verdict.blocked:
            return verdict.text
        leaked = tokenize(verdict.text)[: self.guardrail.async_lag_tokens]
        return "".join(leaked) + verdict.output

    def taking(self, random: Random, *, answered: bool) -> Fault:
        """The time that the checks add before the first token."""
        checks = 2 if answered and not self.is_async else 1
        milliseconds = sum(self.guardrail.latency_ms.draw(random) for _ in range(checks))
        return Fault(kind="latency", seconds=milliseconds / 1000)


def masked(request: ChatRequest, verdicts: tuple[Verdict, ...]) -> ChatRequest:
    """The request with the texts that were masked in place of the original ones."""
    changed = {verdict.text: verdict.output for verdict in verdicts if verdict.intervened}
    if not changed:
        return request
    turns = []
    for turn in request.turns:
        text = turn.text
        for original, output in changed.items():
            text = text.replace(original, output)
        turns.append(replace(turn, text=text))
    return replace(request, turns=tuple(turns))


def _marked(request: ChatRequest) -> tuple[Guarded, ...]:
    in_turns = (each for turn in request.turns for each in turn.guarded)
    return (*request.system_guarded, *in_turns)


def _qualified(each: Guarded, *names: str) -> bool:
    return bool(set(names) & set(each.qualifiers)) and "guard_content" not in each.qualifiers
