"""Question sets with known answers.

A question set is a JSON-lines file. The simulator recognises its questions and answers them right
with the probability its profile states; an experiment scores the answers with the same rules, so
an estimated quality can be compared with the true one.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from gateway_lib.simulator.profiles import Strict


class Question(Strict):
    """One line of a question set.

    Attributes:
        id: Stable name, used in a profile's accuracy overrides.
        category: Group for reports.
        question: The text to ask.
        answer: The right answer as one would say it.
        accept: Spellings of the right answer; any of them as whole words counts.
        regex: Alternative to `accept` for answers with many forms; searched ignoring case.
        wrong: Plausible wrong answers.
    """

    id: str = Field(min_length=1)
    category: str = Field(min_length=1)
    question: str = Field(min_length=8)
    answer: str = Field(min_length=1)
    accept: tuple[str, ...] = ()
    regex: str | None = None
    wrong: tuple[str, ...] = Field(min_length=1)

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    def accepts(self, text: str) -> bool:
        """Whether a text contains the right answer."""
        if self.regex is not None and re.search(self.regex, text, re.IGNORECASE):
            return True
        padded = f" {normalise(text)} "
        return any(f" {normalise(form)} " in padded for form in (self.answer, *self.accept))


@dataclass(frozen=True)
class QuestionSet:
    """Questions by order of their file."""

    questions: tuple[Question, ...]

    @cached_property
    def _by_length(self) -> tuple[tuple[str, Question], ...]:
        pairs = [(normalise(question.question), question) for question in self.questions]
        return tuple(sorted(pairs, key=lambda pair: -len(pair[0])))

    def recognise(self, text: str) -> Question | None:
        """Return the longest question whose normalised text the message contains."""
        message = f" {normalise(text)} "
        return next((q for known, q in self._by_length if f" {known} " in message), None)


def normalise(text: str) -> str:
    """Lower case, words and numbers only, single spaces."""
    return " ".join(re.findall(r"\w+(?:[.,]\d+)*", text.lower())).replace(",", "")


def load_questions(*paths: Path) -> QuestionSet:
    """Read one or more question sets as one.

    Raises:
        ValueError: A file cannot be read, a line is not a valid question, or an id occurs twice.
    """
    questions: dict[str, Question] = {}
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                question = Question.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                raise ValueError(f"{path}:{number}: {where}: {first['msg']}") from error
            if question.id in questions:
                raise ValueError(f"{path}:{number}: question id {question.id} occurs twice")
            questions[question.id] = question
    return QuestionSet(tuple(questions.values()))
