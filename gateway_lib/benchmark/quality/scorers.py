"""Whether an answer is right: rules that read the text and need nobody else's opinion.

A scorer is data, so that a run's specification can hold it::

    - {kind: contains}
    - {kind: numeric, relative: 0.01}
    - {kind: regex, pattern: "^[A-D][).]"}
    - {kind: json_schema, schema: {type: object, required: [city]}}
    - {kind: judge, model: gpt-4o, rubric: "Polite, and names the capital."}

Those that compare with something take `expected`, else the question's own answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import jsonschema
from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway_lib.simulator.questions import normalise


@dataclass(frozen=True)
class Reference:
    """What was asked, and what the right answer is where one is known.

    Attributes:
        question: The text that was sent.
        answer: The right answer as one would say it.
        accept: Other spellings of it.
        regex: Alternative to `accept` for answers with many forms.
    """

    question: str
    answer: str | None = None
    accept: tuple[str, ...] = ()
    regex: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What a scorer says of an answer; `passed` is null where it cannot tell, and `reason` says why."""

    passed: bool | None
    reason: str = ""


class Scorer(Protocol):
    """Anything with a name that reads an answer."""

    @property
    def name(self) -> str:
        """Names the column `score_<name>`."""

    def score(self, answer: str, reference: Reference) -> Verdict:
        """Whether the answer is right."""


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    label: str = Field("", pattern=r"^[a-z0-9_]*$")
    """Name of the column, where two scorers of a kind are used; the kind when not given."""

    @property
    def name(self) -> str:
        return self.label or str(getattr(self, "kind"))  # noqa: B009


class Exact(_Rule):
    """The answer is the expected text and nothing else; white space around it does not count."""

    kind: Literal["exact"] = "exact"
    expected: str | None = None
    ignore_case: bool = True

    def score(self, answer: str, reference: Reference) -> Verdict:
        forms = _forms(self.expected, reference)
        if not forms:
            return _NO_ANSWER
        said, forms = " ".join(answer.split()), [" ".join(form.split()) for form in forms]
        if self.ignore_case:
            said, forms = said.casefold(), [form.casefold() for form in forms]
        return Verdict(said in forms)


class Contains(_Rule):
    """The answer has the expected words in it, whole, whatever stands around them."""

    kind: Literal["contains"] = "contains"
    expected: str | None = None

    def score(self, answer: str, reference: Reference) -> Verdict:
        if (
            self.expected is None
            and reference.regex
            and re.search(reference.regex, answer, re.IGNORECASE)
        ):
            return Verdict(True)
        forms = _forms(self.expected, reference)
        if not forms:
            return _NO_ANSWER
        padded = f" {normalise(answer)} "
        return Verdict(any(f" {normalise(form)} " in padded for form in forms))


class Regex(_Rule):
    """A regular expression is found in the answer."""

    kind: Literal["regex"] = "regex"
    pattern: str
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    def score(self, answer: str, reference: Reference) -> Verdict:
        flags = re.IGNORECASE if self.ignore_case else re.NOFLAG
        return Verdict(re.search(self.pattern, answer, flags) is not None)


class JsonSchema(_Rule):
    """The answer is JSON, by itself or in one fenced block, and keeps to a schema."""

    kind: Literal["json_schema"] = "json_schema"
    schema_: dict[str, Any] = Field(alias="schema")

    @field_validator("schema_")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            jsonschema.validators.validator_for(schema).check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"not a JSON schema: {error.message}") from None
        return schema

    def score(self, answer: str, reference: Reference) -> Verdict:
        fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", answer, re.DOTALL)
        try:
            document = json.loads(fenced.group(1) if fenced else answer)
        except ValueError as error:
            return Verdict(False, f"not JSON: {error}")
        validator = jsonschema.validators.validator_for(self.schema_)(self.schema_)
        wrong = jsonschema.exceptions.best_match(validator.iter_errors(document))
        if wrong is None:
            return Verdict(True)
        return Verdict(False, f"{wrong.json_path}: {wrong.message}")


class Numeric(_Rule):
    """A number of the answer lies within a tolerance of the expected one.

    Attributes:
        expected: The number; that of the question's answer when not given.
        absolute: Tolerance in the number's own unit.
        relative: Tolerance as a share of the expected number; the larger of the two counts.
        which: Which number of the answer counts. Models reason first and conclude last.
    """

    kind: Literal["numeric"] = "numeric"
    expected: float | None = None
    absolute: float = Field(0.0, ge=0)
    relative: float = Field(0.0, ge=0)
    which: Literal["first", "last", "any"] = "last"

    def score(self, answer: str, reference: Reference) -> Verdict:
        known = numbers(reference.answer or "")
        if self.expected is None and not known:
            return Verdict(None, "no number is expected")
        wanted = self.expected if self.expected is not None else known[-1]
        said = numbers(answer)
        if not said:
            return Verdict(False, "no number in the answer")
        chosen = {"first": said[:1], "last": said[-1:], "any": said}[self.which]
        # a hair for what decimal numbers lose in binary ones
        room = max(self.absolute, self.relative * abs(wanted)) + 1e-12 * max(1.0, abs(wanted))
        nearest = min(chosen, key=lambda number: abs(number - wanted))
        return Verdict(abs(nearest - wanted) <= room, f"{nearest:g} against {wanted:g}")


class Judge(_Rule):
    """A model reads question, right answer and answer, and says whether it will do (`judge`)."""

    kind: Literal["judge"] = "judge"
    model: str
    rubric: str = "The answer is right, and says what was asked for."


@dataclass(frozen=True)
class Own:
    """A function of one's own: answer and reference in, verdict or plain truth value out."""

    name: str
    function: Callable[[str, Reference], Verdict | bool | None]

    def score(self, answer: str, reference: Reference) -> Verdict:
        said = self.function(answer, reference)
        return said if isinstance(said, Verdict) else Verdict(None if said is None else bool(said))


Rule = Annotated[
    Exact | Contains | Regex | JsonSchema | Numeric | Judge, Field(discriminator="kind")
]
_NO_ANSWER = Verdict(None, "no answer is expected")

_NUMBER = re.compile(
    r"(?<![\w.])(?<![A-Za-z][-\u2212])[-+\u2212]?"
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\d)"
)


def numbers(text: str) -> list[float]:
    """Numbers of a text in order: `1,234.5`, `-3e-2`, `.5`, `45km`; not those of names like `gpt-4o`."""
    found = (match.group().replace(",", "") for match in _NUMBER.finditer(text))
    return [float(number.replace("\u2212", "-")) for number in found]


def _forms(expected: str | None, reference: Reference) -> list[str]:
    if expected is not None:
        return [expected]
    return [form for form in (reference.answer, *reference.accept) if form]
