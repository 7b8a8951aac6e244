"""Scores of every answer of a run, each distinct answer read once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from gateway_lib.benchmark.quality.judge import Judgement, judged
from gateway_lib.benchmark.quality.scorers import Contains, Judge, Reference, Rule, Scorer, Verdict
from gateway_lib.clients import async_openai_client
from gateway_lib.errors import SettingsError
from gateway_lib.simulator.questions import Question

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_RULES: TypeAdapter[list[Any]] = TypeAdapter(list[Rule])


def scorers_of(spec: Sequence[Mapping[str, Any]]) -> list[Scorer | Judge]:
    """Scorers from data; one that looks for the question's answer when there are none.

    Raises:
        SettingsError: One cannot be used; the text says which, and what of it.
    """
    try:
        made: list[Scorer | Judge] = _RULES.validate_python(list(spec)) or [Contains()]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"scorers: {where}: {first['msg']}") from None
    names = [scorer.name for scorer in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"scorers: {', '.join(twice)} occurs twice; give each a `label`")
    return made


def references(questions: Sequence[Question]) -> dict[str, Reference]:
    """What is right, by question id."""
    return {q.id: Reference(q.question, q.answer, q.accept, q.regex) for q in questions}


async def score(
    frame: pd.DataFrame,
    using: Sequence[Scorer | Judge],
    known: Mapping[str, Reference],
    *,
    client: AsyncOpenAI | None = None,
    concurrency: int = 4,
) -> pd.DataFrame:
    """A copy of the records with what the scorers say.

    Args:
        frame: Records with `question`, `answer` and `ok`.
        using: The scorers; the first of them decides `correct`.
        known: What is right, by question id.
        client: For judges; the gateway's own when not given.
        concurrency: Answers before the judge at the same time.

    Returns:
        The records and, for each scorer, `score_<name>` (null after an error, and where the scorer cannot
        tell) and `score_<name>_reason`; `correct`, the first scorer's; for judges `score_<name>_cost_usd`
        on the first request that gave an answer, so that the column's sum is what was spent.

    Raises:
        SettingsError: There is no scorer.
    """
    if not using:
        raise SettingsError("name at least one scorer")
    # only what a person or a model can be held to: an answer that came to its end
    good = frame["ok"].astype(bool) & frame["answer"].notna()
    pairs = frame.loc[good, ["question", "answer"]].drop_duplicates()
    scored = frame.copy()
    for scorer in using:
        said = await _judgements(scorer, pairs, known, client, concurrency)
        _add(scored, f"score_{scorer.name}", good, pairs, said)
        if not isinstance(scorer, Judge):
            scored = scored.drop(columns=f"score_{scorer.name}_cost_usd")
    scored["correct"] = scored[f"score_{using[0].name}"]
    return scored


async def _judgements(
    scorer: Scorer | Judge,
    pairs: pd.DataFrame,
    known: Mapping[str, Reference],
    client: AsyncOpenAI | None,
    concurrency: int,
) -> list[Judgement]:
    asked = [
        (str(answer), known.get(str(question)) or Reference(str(question)))
        for question, answer in pairs.itertuples(index=False)
    ]
    if not isinstance(scorer, Judge):
        return [Judgement(_verdict(scorer, *each), None) for each in asked]
    turns, own = asyncio.Semaphore(concurrency), client or async_openai_client()

    async def one(answer: str, reference: Reference) -> Judgement:
        async with turns:
            return await judged(own, scorer, answer, reference)

    try:
        return list(await asyncio.gather(*(one(*each) for each in asked)))
    finally:
        if client is None:
            await own.close()


def _verdict(scorer: Scorer, answer: str, reference: Reference) -> Verdict:
    try:
        return scorer.score(answer, reference)
    except Exception as failure:  # somebody else's function: its mistakes are results, not ours
        return Verdict(None, f"the scorer failed: {type(failure).__name__}: {failure}"[:300])


def _add(
    frame: pd.DataFrame,
    name: str,
    good: pd.Series,
    pairs: pd.DataFrame,
    said: Sequence[Judgement],
) -> None:
    rows = pd.MultiIndex.from_frame(frame[["question", "answer"]].astype(object))
    place = pd.MultiIndex.from_frame(pairs.astype(object)).get_indexer(rows)
    place[~good.to_numpy()] = -1  # the last, which is nothing
    passed = pd.array([*(each.verdict.passed for each in said), None], dtype="boolean")
    reasons = pd.array([*(each.verdict.reason for each in said), None], dtype="str")
    frame[name] = passed.take(place)
    frame[f"{name}_reason"] = reasons.take(place)
    spent = pd.Series(float("nan"), index=frame.index)
    spent.loc[pairs.index] = np.array([each.cost_usd for each in said], dtype=float)
    frame[f"{name}_cost_usd"] = spent
