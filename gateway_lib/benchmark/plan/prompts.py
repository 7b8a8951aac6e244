"""What is asked: questions with known answers, prompts of one's own, or texts of given lengths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from gateway_lib.errors import SettingsError, SpecError
from gateway_lib.settings import PROJECT_ROOT
from gateway_lib.simulator.questions import Question, load_questions

_SETS = PROJECT_ROOT / "config" / "questions"
_WORDS = (
    *("harbour", "river", "market", "window", "letter", "garden", "winter", "morning", "engine"),
    *("paper", "signal", "stone", "bridge", "record", "silver", "street", "number", "island"),
    *("forest", "summer", "kitchen", "answer", "corner", "mirror", "lantern", "field"),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: its id, what is said, and how long the answer may be."""

    id: str
    text: str
    system: str | None = None
    category: str | None = None
    max_tokens: int | None = None


class Prompts(BaseModel):
    """Where prompts come from; one of three.

    Attributes:
        questions: Name of a set in `config/questions`, or a path that ends in `.jsonl`.
        n: How many of the set, drawn by the seed; all when not given.
        instruction: Added to each question, on a line of its own.
        jsonl: A file with an object per line: `text`, and if you like `id`, `system`, `category`,
            `max_tokens`.
        words: Length of a synthetic prompt in words (a token or two each), or lowest and highest.
        count: How many synthetic prompts there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: str | None = None
    n: PositiveInt | None = None
    instruction: str = "Answer in one short sentence."
    jsonl: Path | None = None
    words: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    count: PositiveInt = 50

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.questions, self.jsonl, self.words)) != 1:
            raise ValueError("give one of questions, jsonl and words")
        if isinstance(self.words, tuple) and self.words[0] > self.words[1]:
            raise ValueError("words: lowest first")
        return self

    def load(self, seed: int) -> list[Prompt]:
        """The prompts; the same for the same seed.

        Raises:
            SpecError: There is no such set or file, or a line cannot be used.
        """
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        if self.questions is not None:
            return self._of_questions(self.questions, seed)
        if self.jsonl is not None:
            return _drawn(_of_file(self.jsonl), self.n, random, str(self.jsonl))
        return [self._synthetic(number, random) for number in range(self.count)]

    def _of_questions(self, name: str, seed: int) -> list[Prompt]:
        try:
            drawn = questions(name, n=self.n, seed=seed)
        except SettingsError as error:
            raise SpecError(f"prompts.questions: {error}") from None
        return [
            Prompt(q.id, f"{q.question}\n{self.instruction}".strip(), category=q.category)
            for q in drawn
        ]

    def _synthetic(self, number: int, random: np.random.Generator) -> Prompt:
        low, high = self.words if isinstance(self.words, tuple) else (self.words, self.words)
        words = random.choice(_WORDS, random.integers(low or 1, high or 1, endpoint=True))
        # the number first: prompts that begin alike would be read from the provider's cache
        return Prompt(
            f"synthetic-{number:04}", f"{number}: {' '.join(words)}", category="synthetic"
        )


def questions(name: str = "general", *, n: int | None = None, seed: int = 0) -> list[Question]:
    """Questions of a set, `n` of them drawn at random without repeats; all when `n` is null.

    Args:
        name: Name of a file in `config/questions`, or a path.
        n: How many.
        seed: Same seed, same questions.

    Raises:
        SettingsError: There is no such set, it is broken, or has fewer questions.
    """
    path = Path(name) if name.endswith(".jsonl") else _SETS / f"{name}.jsonl"
    try:
        every = list(load_questions(path).questions)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if n is None:
        return every
    if not 1 <= n <= len(every):
        raise SettingsError(f"question set {name} has {len(every)} questions, asked for {n}")
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).permutation
    return [every[index] for index in order(len(every))[:n]]


def _drawn(
    every: list[Prompt], n: int | None, random: np.random.Generator, where: str
) -> list[Prompt]:
    if n is None:
        return every
    if n > len(every):
        raise SpecError(f"prompts.n: {where} has {len(every)} prompts, asked for {n}")
    return [every[index] for index in random.permutation(len(every))[:n]]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    id: str | None = None
    system: str | None = None
    category: str | None = None
    max_tokens: PositiveInt | None = None


def _of_file(path: Path) -> list[Prompt]:
    found: dict[str, Prompt] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SpecError(f"prompts.jsonl: {path}: {error.strerror}") from None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            document: Any = orjson.loads(text)
            line = _Line.model_validate(document)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise SpecError(f"prompts.jsonl: {path}, line {number}: {reason}") from None
        id = line.id or f"line-{number:04}"
        if id in found:
            raise SpecError(f"prompts.jsonl: {path}, line {number}: id {id} occurs twice")
        found[id] = Prompt(id, line.text, line.system, line.category, line.max_tokens)
    if not found:
        raise SpecError(f"prompts.jsonl: {path}: no prompt in it")
    return list(found.values())
