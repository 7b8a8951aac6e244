"""From a conversation to an answer in time.

`plan` fixes everything about an answer before its first token leaves: the tokens in their blocks,
the stop reason, the usage, when each token is due. `perform` then plays the plan against the
clock, with the faults that struck. Tokens are due at absolute times, so a late wake-up does not
add up: mean inter-token latency stays what the profile says.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal
from uuid import uuid4

from gateway_lib.simulator.answers import Draft
from gateway_lib.simulator.conversation import ChatRequest, ToolCall
from gateway_lib.simulator.faults import Fault, StopReason
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.memory import generator
from gateway_lib.simulator.profiles import Profile
from gateway_lib.simulator.prose import extend
from gateway_lib.simulator.refusals import Reason, Refusal
from gateway_lib.simulator.tokens import count, tokenize

REASONING_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a request. `input` includes what was read from or written to the cache."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the answer: reasoning, text or one tool call (its arguments as tokens)."""

    kind: Literal["reasoning", "text", "tool"]
    tokens: tuple[str, ...]
    call: ToolCall | None = None
    signature: str = ""

    @property
    def text(self) -> str:
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Plan:
    """A complete answer with its timing; `delays` has seconds before each token."""

    id: str
    created: int
    blocks: tuple[Block, ...]
    stop_reason: StopReason
    stop_sequence: str | None
    usage: Usage
    delays: tuple[float, ...]
    draft: Draft = field(default_factory=Draft)

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks if block.kind == "text")

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(block.call for block in self.blocks if block.call is not None)

    @property
    def reasoning(self) -> str:
        return "".join(block.text for block in self.blocks if block.kind == "reasoning")

    def pieces(self) -> Iterator["Piece"]:
        """All tokens in order, with their block's index."""
        for index, block in enumerate(self.blocks):
            for token in block.tokens:
                yield Piece(index, token)


@dataclass(frozen=True, slots=True)
class Piece:
    """One token on its way."""

    block: int
    token: str


class Cut(Exception):
    """The connection has to break here."""


class Broken(Exception):
    """What goes out next is not valid JSON."""


def plan(
    request: ChatRequest,
    profile: Profile,
    draft: Draft,
    usage: Usage,
    random: Random,
    stop_reason: StopReason | None,
) -> Plan:
    """Apply limits and stop sequences to a draft and lay out its timing.

    Args:
        request: The conversation, for its limits.
        profile: The model's truth.
        draft: What the model wants to say.
        usage: Input side of the usage; the output side is filled in here.
        random: Generator of this occurrence, for the timing.
        stop_reason: Overrides the reason that follows from the content.

    A tool call that does not fit into the limit is left out whole and the answer ends with
    ``max_tokens``.
    """
    limit = min(request.max_tokens or profile.max_output, profile.max_output)
    blocks: list[Block] = []
    if request.reasoning and profile.reasoning:
        thinking = generator(request.model, request.question, "reasoning")
        thought = tokenize(extend("", REASONING_TOKENS, thinking))
        blocks.append(
            Block("reasoning", tuple(thought), signature=f"sig{thinking.getrandbits(96):x}")
        )
    text, sequence = _stopped(draft.text, request.stop)
    if text or not draft.calls:
        blocks.append(Block("text", tuple(tokenize(text))))
    for call in draft.calls:
        arguments = tokenize(json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":")))
        blocks.append(Block("tool", tuple(arguments), call))
    kept, short = _limited(blocks, limit)
    natural: StopReason = "tool_use" if draft.calls else "end_turn"
    if sequence is not None:
        natural = "stop_sequence"
    if short:
        natural, sequence = "max_tokens", None
    used = sum(len(b.tokens) + (count(b.call.name) if b.call else 0) for b in kept)
    thought_tokens = sum(len(block.tokens) for block in kept if block.kind == "reasoning")
    tokens = sum(len(block.tokens) for block in kept)
    delays = [profile.ttft_ms.draw(random) / 1000]
    delays += [profile.itl_ms.draw(random) / 1000 for _ in range(1, tokens)]
    return Plan(
        id=uuid4().hex,
        created=int(time.time()),
        blocks=tuple(kept),
        stop_reason=stop_reason or natural,
        stop_sequence=sequence,
        usage=Usage(usage.input, used, usage.cache_read, usage.cache_write, thought_tokens),
        delays=tuple(delays),
        draft=draft,
    )


async def perform(plan: Plan, faults: tuple[Fault, ...], entry: Entry) -> AsyncIterator[Piece]:
    """Yield the tokens of a plan when they are due, and act out the faults on the way.

    Raises:
        Cut: The connection must be aborted.
        Broken: A malformed body or event must be sent.
        Refusal: The provider reports an error in the middle of its answer.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    due += sum(f.seconds or 0 for f in faults if f.kind == "latency")
    slower = sum(f.seconds or 0 for f in faults if f.kind == "slow_chunks")
    breaking = [f for f in faults if f.kind in _BREAKING]
    pieces = list(plan.pieces())
    for sent in range(len(pieces) + 1):
        at_end = sent == len(pieces)
        for fault in breaking:
            if fault.after_tokens == sent or (at_end and fault.after_tokens > sent):
                await _break(fault)
        if at_end and sent:
            return
        due += plan.delays[sent] + slower
        await asyncio.sleep(max(0.0, due - loop.time()))
        if at_end:
            return
        entry.last_token_at = time.time()
        if not sent:
            entry.first_token_at = entry.last_token_at
        entry.tokens_sent = sent + 1
        yield pieces[sent]


_BREAKING = frozenset({"hang", "cut_mid_stream", "error_event", "malformed_json"})


async def _break(fault: Fault) -> None:
    match fault.kind:
        case "hang":
            await asyncio.Event().wait()
        case "cut_mid_stream":
            raise Cut
        case "malformed_json":
            raise Broken
        case "error_event":
            status, message = fault.status or 500, fault.message or ""
            raise Refusal(Reason.STATUS, message, status=status, code=fault.code)


def _stopped(text: str, sequences: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(s), s) for s in sequences if s and s in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence


def _limited(blocks: list[Block], limit: int) -> tuple[list[Block], bool]:
    kept: list[Block] = []
    left = limit
    for block in blocks:
        name = count(block.call.name) if block.call else 0
        if len(block.tokens) + name <= left:
            kept.append(block)
            left -= len(block.tokens) + name
            continue
        if block.call is None and left:
            kept.append(Block(block.kind, block.tokens[:left], signature=block.signature))
        return kept, True
    return kept, False
