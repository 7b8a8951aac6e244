"""The simulator's core: from a parsed request to a performance.

Everything that happens to a request whatever wire carried it: find the profile, let faults strike,
check what the model accepts, compose and plan the answer, account for it. The engine owns all state
(occurrences, prompt cache, faults, journal, profiles changed at run time) and can be reset.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from gateway_lib.simulator.answers import Answerer, Draft
from gateway_lib.simulator.conversation import ChatRequest, Segment, segments
from gateway_lib.simulator.faults import Fault, FaultBook, from_profile
from gateway_lib.simulator.generation import Broken, Cut, Piece, Plan, Usage, perform, plan
from gateway_lib.simulator.guardrails import Verdict
from gateway_lib.simulator.guardrails.conversation import Guarding, masked
from gateway_lib.simulator.journal import Entry, Journal, Outcome
from gateway_lib.simulator.memory import Occurrences, PromptCache, generator
from gateway_lib.simulator.profiles import Profile
from gateway_lib.simulator.questions import QuestionSet
from gateway_lib.simulator.refusals import Reason, Refusal
from gateway_lib.simulator.settings import Settings
from gateway_lib.simulator.tokens import PER_MESSAGE, count


@dataclass(frozen=True, slots=True)
class Performance:
    """An answer ready to be played."""

    request: ChatRequest
    plan: Plan
    faults: tuple[Fault, ...]
    entry: Entry
    input_verdicts: tuple[Verdict, ...] = ()
    output_verdict: Verdict | None = None

    def pieces(self) -> AsyncIterator[Piece]:
        """Tokens as they fall due; see `gateway_lib.simulator.generation.perform`."""
        return perform(self.plan, self.faults, self.entry)

    async def play_out(self) -> bool:
        """Let the whole answer's time pass; return False if a broken body has to be sent."""
        try:
            async for _ in self.pieces():
                pass
        except Broken:
            return False
        return True

    @property
    def latency_ms(self) -> int:
        """Milliseconds since the request arrived."""
        return round((time.time() - self.entry.received_at) * 1000)


class Engine:
    """State and behaviour of all simulated models."""

    def __init__(self, settings: Settings, questions: QuestionSet) -> None:
        self.settings = settings
        self.answerer = Answerer(settings.seed, questions)
        self.journal = Journal(settings.journal_capacity)
        self.started_at = time.time()
        self.reset()

    def reset(self) -> None:
        """Return to the state after start: profiles and policies of the file, no faults, empty memories."""
        self.profiles = dict(self.settings.models)
        self.guardrails = {(g.id, g.version): g for g in self.settings.guardrails}
        self.faults = FaultBook(self.settings.seed)
        self.occurrences = Occurrences()
        self.cache = PromptCache()
        self.journal.clear()

    def profile(self, entry: Entry, kind: Literal["chat", "embedding"]) -> Profile:
        """Return the profile of the entry's model.

        Raises:
            Refusal: The wire has no such model, or it does not do this kind of work.
        """
        profile = self.profiles.get(entry.model)
        if profile is None or profile.wire != entry.wire or profile.kind != kind:
            raise Refusal(Reason.UNKNOWN_MODEL, model=entry.model)
        return profile

    def input_tokens(self, request: ChatRequest) -> int:
        """Size of the prompt as the model's usage will report it."""
        return _size(segments(request))

    def chat(
        self, request: ChatRequest, entry: Entry, guarding: Guarding | None = None
    ) -> Performance:
        """Prepare the answer to a chat request, which a guardrail may guard.

        Raises:
            Refusal: The model does not take the request, or a fault says so.
            Cut: A fault resets the connection.
        """
        profile = self.profile(entry, "chat")
        faults = self.strike(entry.model)
        if guarding:
            faults += self.strike(guarding.guardrail.id)
        parts = segments(request)
        size = _size(parts)
        entry.input_tokens = size
        _check(request, profile, size)
        content = _digest(part.text for part in parts)
        occurrence = self.occurrences.next(entry.model, "content", content)
        random = generator(self.settings.seed, entry.model, content, occurrence, "time")
        rated = from_profile(profile, random)
        _refuse(rated)
        read, written = self._cached(request, profile, parts)
        incoming = guarding.asked(request) if guarding else ()
        outgoing = None
        reason = next((f.stop_reason for f in faults if f.stop_reason), None)
        if blocked := next((verdict for verdict in incoming if verdict.blocked), None):
            draft, reason = Draft(blocked.output), "guardrail_intervened"
        else:
            request = masked(request, incoming)
            draft = self.answerer.compose(request, profile, content, self.occurrences)
            if guarding and draft.text:
                outgoing = guarding.answered(request, draft.text)
                text = guarding.released(outgoing)
                if text != draft.text:
                    draft, reason = replace(draft, text=text), "guardrail_intervened"
        if guarding:
            clock = self.random(guarding.guardrail.id, [content])
            faults += (guarding.taking(clock, answered=outgoing is not None),)
        answer = plan(request, profile, draft, Usage(size, 0, read, written), random, reason)
        entry.output_tokens = answer.usage.output
        entry.response_id = entry.response_id or answer.id
        return Performance(request, answer, faults + rated, entry, incoming, outgoing)

    async def embedding(self, entry: Entry, texts: list[str]) -> bool:
        """Check an embedding request and let its time pass; False asks for a broken body."""
        profile = self.profile(entry, "embedding")
        faults = self.strike(entry.model)
        sizes = [count(text) for text in texts]
        tokens, longest = sum(sizes), max(sizes)
        entry.input_tokens = tokens
        if longest > profile.context_window:
            raise Refusal(Reason.CONTEXT_WINDOW, actual=longest, limit=profile.context_window)
        content = _digest(texts)
        occurrence = self.occurrences.next(entry.model, "embedding", content)
        random = generator(self.settings.seed, entry.model, content, occurrence, "time")
        rated = from_profile(profile, random)
        _refuse(rated)
        return await self.wait(entry, faults, profile.ttft_ms.draw(random) / 1000)

    async def wait(self, entry: Entry, faults: tuple[Fault, ...], seconds: float = 0.0) -> bool:
        """Let the time of an answer without tokens pass; False asks for a broken body."""
        usage = Usage(entry.input_tokens, 0)
        silent = Plan("", 0, (), "end_turn", None, usage, (seconds,))
        return await Performance(ChatRequest(entry.model, ()), silent, faults, entry).play_out()

    def random(self, name: str, texts: list[str]) -> Random:
        """The generator of the time that a guardrail takes for these texts."""
        return generator(self.settings.seed, name, _digest(texts), "time")

    def strike(self, model: str) -> tuple[Fault, ...]:
        """Draw the faults set for a model; those that end the request at once do so here."""
        faults = self.faults.draw(model)
        _refuse(faults)
        return faults

    def close(self, entry: Entry, outcome: Outcome) -> None:
        """Book the end of a request."""
        profile = self.profiles.get(entry.model)
        cost = profile.cost(entry.input_tokens, entry.output_tokens) if profile else 0.0
        self.journal.end(entry, outcome, cost)

    def _cached(
        self, request: ChatRequest, profile: Profile, parts: tuple[Segment, ...]
    ) -> tuple[int, int]:
        if profile.cache_min_tokens is None:
            return 0, 0
        return self.cache.read(
            request.model,
            parts,
            minimum=profile.cache_min_tokens,
            automatic=request.automatic_cache,
        )


def _digest(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _size(parts: tuple[Segment, ...]) -> int:
    return sum(part.tokens for part in parts) + PER_MESSAGE


def _refuse(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        if fault.kind == "reset":
            raise Cut
        if fault.kind == "status":
            raise Refusal(
                Reason.STATUS,
                fault.message or "",
                status=fault.status or 500,
                code=fault.code,
                retry_after=fault.retry_after,
            )


def _check(request: ChatRequest, profile: Profile, size: int) -> None:
    for medium in request.media:
        if medium.kind not in profile.modalities:
            raise Refusal(Reason.MODALITY, modality=medium.kind)
    if request.reasoning and not profile.reasoning:
        raise Refusal(Reason.REASONING)
    if request.max_tokens is not None and request.max_tokens > profile.max_output:
        raise Refusal(Reason.MAX_TOKENS, actual=request.max_tokens, limit=profile.max_output)
    if size > profile.context_window:
        raise Refusal(Reason.CONTEXT_WINDOW, actual=size, limit=profile.context_window)
