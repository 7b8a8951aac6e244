"""Simulated users: they ask questions with known answers through an experiment, and say what they thought.

Each user keeps a name over all his calls, so that the gateway can keep him on his arm. The calls of all users
are mixed, as they would come in. An answer is scored as the benchmark scores it, and sent as feedback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass
from typing import Literal

import httpx
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from gateway_lib.benchmark.plan.prompts import questions
from gateway_lib.benchmark.quality.scorers import Contains, Reference
from gateway_lib.benchmark.quality.scoring import references
from gateway_lib.clients import verification_of
from gateway_lib.experiments.asking import Asker, BedrockAsker, OpenAIAsker, Reply
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings
from gateway_lib.simulator.questions import Question

Interface = Literal["openai", "bedrock"]
CORRECT = "correct"
"""The name under which it is sent whether an answer was right."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks, how often, and how.

    Attributes:
        users: How many there are.
        calls: Calls of a user on average; at least one each, beyond that a Poisson number.
        interfaces: Which clients they hold, evenly.
        streamed: Share of the calls whose answer is streamed.
        question_set: A file in `config/questions`, without its ending.
        instruction: Added to each question.
        concurrency: Calls under way at the same time, at most.
        seed: Of who asks what when.
        prefix: What the users' names begin with; users of another prefix are other users.
    """

    users: int = 100
    calls: float = 5.0
    interfaces: Sequence[Interface] = ("openai", "bedrock")
    streamed: float = 0.5
    question_set: str = "general"
    instruction: str = "Answer in one short sentence."
    concurrency: int = 16
    seed: int = 1
    prefix: str = "user"


@dataclass(frozen=True, slots=True)
class Call:
    """One question of one user."""

    number: int
    user: str
    turn: int
    question: Question
    interface: Interface
    streamed: bool

    def text(self, instruction: str) -> str:
        """What is said; no two calls say the same, as no two users do."""
        return f"{self.question.question}\n{instruction}\n({self.user}, {self.turn})"


def planned(crowd: Crowd) -> list[Call]:
    """The calls of a crowd in the order in which they go out; the same for the same seed."""
    random = np.random.default_rng(crowd.seed)
    each = 1 + random.poisson(max(0.0, crowd.calls - 1), crowd.users)
    order = random.permutation(np.repeat(np.arange(crowd.users), each))
    streams = random.random(len(order)) < crowd.streamed
    known = questions(crowd.question_set)
    asked = [
        int(place)
        for _ in range(-(-len(order) // len(known)))
        for place in random.permutation(len(known))
    ]
    turns = [0] * crowd.users
    calls = []
    for number, user in enumerate(map(int, order)):
        turns[user] += 1
        interface = crowd.interfaces[user % len(crowd.interfaces)]
        name = f"{crowd.prefix}-{user:05}"
        calls.append(
            Call(number, name, turns[user], known[asked[number]], interface, bool(streams[number]))
        )
    return calls


async def send(
    model: str, crowd: Crowd | None = None, settings: Settings | None = None, *, quiet: bool = False
) -> pd.DataFrame:
    """Let a crowd ask, wait for every answer, and send for each whether it was right.

    What was sent before an interruption is with the gateway all the same.

    Args:
        model: Whom they ask: `experiment/<name>`.
        crowd: Who asks.
        settings: Which gateway, and whose key; those of the process when not given.
        quiet: No progress bar.

    Returns:
        A row per call: `number`, `user`, `turn`, `question`, `interface`, `streamed`, `request_id`, `arm`
        (null where the user takes no part), `status`, `error`, `seconds`, `correct` (null without an answer)
        and `feedback` (status of the gateway's answer to it).
    """
    wanted, known = crowd or Crowd(), settings or process_settings()
    calls = planned(wanted)
    right = references([call.question for call in calls])
    async with AsyncExitStack() as opened:
        askers: dict[Interface, Asker] = {
            "openai": await opened.enter_async_context(aclosing(OpenAIAsker(known))),
            "bedrock": await opened.enter_async_context(
                aclosing(BedrockAsker(known, wanted.concurrency))
            ),
        }
        key = {"Authorization": f"Bearer {known.user_key()}"}
        http = await opened.enter_async_context(
            httpx.AsyncClient(
                base_url=known.gateway(),
                headers=key,
                timeout=known.timeout_s,
                verify=verification_of(known),
            )
        )
        progress = opened.enter_context(
            tqdm(total=len(calls), desc="calls", unit="call", disable=quiet)
        )
        waiting, rows = iter(calls), []

        async def work() -> None:
            for call in waiting:  # all workers take from the same iterator
                reply = await askers[call.interface].ask(
                    model, call.user, call.text(wanted.instruction), call.streamed
                )
                rows.append(await _judged(http, call, reply, right[call.question.id]))
                progress.update()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(wanted.concurrency, len(calls))):
                group.create_task(work())
    return pd.DataFrame(rows).sort_values("number", ignore_index=True)


async def _judged(
    http: httpx.AsyncClient, call: Call, reply: Reply, right: Reference
) -> dict[str, object]:
    correct = Contains().score(reply.text, right).passed if reply.text is not None else None
    told: int | None = None
    if correct is not None and reply.arm is not None:
        body = {"request_id": reply.request_id, "name": CORRECT, "value": correct}
        try:
            told = (await http.post("/experiments/feedback", json=body)).status_code
        except httpx.HTTPError:
            told = None
    asked = {
        "number": call.number,
        "user": call.user,
        "turn": call.turn,
        "question": call.question.id,
    }
    how = {"interface": call.interface, "streamed": call.streamed}
    said = {name: value for name, value in asdict(reply).items() if name != "text"}
    return {**asked, **how, **said, "correct": correct, "feedback": told}


def traffic_summary(frame: pd.DataFrame) -> str:
    """What became of the calls, in a sentence."""
    failed = frame[frame["error"].notna()]
    lost = int((frame["correct"].notna() & frame["arm"].notna() & (frame["feedback"] != 200)).sum())
    words = [f"{len(frame):,} calls of {frame['user'].nunique():,} users, {len(failed):,} failed"]
    if len(failed):
        words.append(f"the first: {failed['error'].iloc[0]}")
    if outside := int(frame["arm"].isna().sum()) - int(failed["arm"].isna().sum()):
        words.append(f"{outside:,} outside the experiment")
    if lost:
        words.append(f"{lost:,} without their feedback")
    return "; ".join(words)
