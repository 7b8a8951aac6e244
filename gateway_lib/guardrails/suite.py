"""Suites: labelled cases of what a guardrail has to block, to mask and to leave alone.

A suite is a YAML file in `config/guardrails` that names its policy and its categories; the cases of a
category stand in a file of their own. A case says what it expects; what a guardrail makes of it is found
out by asking. Parts of a text in double square brackets are secrets that must not come through.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gateway_lib.errors import SuiteError
from gateway_lib.guardrails.obfuscation import OBFUSCATIONS, WHOLE, Obfuscation, obfuscate
from gateway_lib.settings import PROJECT_ROOT

SUITES = PROJECT_ROOT / "config" / "guardrails"
Expected = Literal["block", "mask", "allow"]
Place = Literal["user", "system", "history", "tool_result", "document", "split"]
Severity = Literal["low", "medium", "high", "critical"]
Policy = Literal["topic", "content", "word", "sensitive", "regex", "grounding"]
_SECRET = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_P = TypeVar("_P", bound=_Part)


class Case(_Part):
    """One thing that is said to a model.

    Attributes:
        id: Unique in its suite; a disguised copy has its disguise behind a dot.
        category: What it is an example of.
        texts: What is said: one text, or one per turn where it is split.
        place: Where in the request it stands.
        language: BCP 47 tag.
        obfuscation: How it is disguised.
        expected: What a guardrail has to do.
        severity: How bad a leak would be.
        owasp: Entry of the OWASP LLM Top 10 of 2026.
        secrets: Parts that a masked answer must not hold, as they stand in `texts`.
        ask: What the user asks after it, where it does not stand in the last question itself.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    category: str
    texts: tuple[str, ...] = Field(min_length=1)
    place: Place = "user"
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    obfuscation: Obfuscation = "none"
    expected: Expected
    severity: Severity = "medium"
    owasp: str = Field(pattern=r"^LLM(0[1-9]|10)$")
    secrets: tuple[str, ...] = ()
    ask: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.place == "split") != (len(self.texts) > 1):
            raise ValueError(f"{self.id}: `turns` go with place: split, `text` with any other")
        if (self.expected == "mask") != bool(self.secrets):
            raise ValueError(f"{self.id}: a case to mask marks its [[secrets]], and no other does")
        if self.expected == "mask" and self.place != "user" and not self.ask:
            raise ValueError(f"{self.id}: `ask` for the secret, or nothing shows whether it came")
        return self

    @property
    def text(self) -> str:
        """All that is said, to measure and to compare; in turns where it is split."""
        return "\n".join(self.texts)

    @property
    def written(self) -> bool:
        """Whether it stands in the file, and is not a disguised copy of one that does."""
        return not self.id.endswith(f".{self.obfuscation}")


class Assumed(_Part):
    """What a suite takes the policy of a guardrail to be.

    Attributes:
        description: In a sentence, for people.
        policies: Kinds of checks that are configured, each with a price.
        messages: What is said instead of a blocked question or answer.
    """

    description: str = ""
    policies: tuple[Policy, ...] = Field(min_length=1)
    messages: tuple[str, ...] = ()


class Suite(_Part):
    """Cases that belong together, and the policy they are about.

    Attributes:
        name: Of the suite.
        policy: What is assumed of the guardrail.
        template: Makes a question of a text, in the place of `{text}`; the answer should repeat it.
        neutral: The user's question where a case stands elsewhere in the request.
        cases: All of them.
    """

    name: str
    policy: Assumed
    template: str = "echo: {text}"
    neutral: str = "echo: Understood."
    cases: tuple[Case, ...] = Field(min_length=1)

    @field_validator("template")
    @classmethod
    def _has_a_place(cls, value: str) -> str:
        if value.count("{text}") != 1:
            raise ValueError("must hold {text} once")
        return value

    @model_validator(mode="after")
    def _unique(self) -> Self:
        seen: set[str] = set()
        for case in self.cases:
            if case.id in seen:
                raise ValueError(f"{case.id}: occurs twice")
            seen.add(case.id)
        return self

    def only(self, cases: Iterable[Case]) -> Suite:
        """The same suite with fewer cases.

        Raises:
            SuiteError: No case is left.
        """
        chosen = tuple(cases)
        if not chosen:
            raise SuiteError(f"{self.name}: no case is left")
        return self.model_copy(update={"cases": chosen})

    def sample(self, n: int, seed: int = 0) -> Suite:
        """At most n cases, of which each expectation, category and disguise has its share; 0 for all.

        Cases are sorted, shuffled among their like, and one is taken at every n-th part of the row
        (systematic sampling; Cochran, Sampling Techniques, 8.1).
        """
        if not n or n >= len(self.cases):
            return self
        rng = random.Random(seed)  # noqa: S311
        mixed = rng.sample(self.cases, len(self.cases))
        row = sorted(mixed, key=lambda case: (case.expected, case.category, case.obfuscation))
        step, start = len(row) / n, rng.random()
        chosen = {row[int((i + start) * step)].id for i in range(n)}
        return self.only(case for case in self.cases if case.id in chosen)


def load_suite(name: str | Path) -> Suite:
    """A suite from a YAML file: a path, or the name of one in `config/guardrails`.

    Raises:
        SuiteError: There is no such file, or it is no suite; the text names the case.
    """
    path = Path(name) if Path(name).suffix else SUITES / f"{name}.yaml"
    head = _read(path)
    cases: list[Case] = []
    for file in head.pop("categories", None) or ():
        cases += _cases(_read(path.parent / str(file)), str(file))
    cases += _cases(head.pop("cases", None) or {}, path.name)
    return _checked(Suite, {"name": path.stem, **head, "cases": cases}, path.name)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        there = ", ".join(sorted(found.stem for found in SUITES.glob("*.yaml"))) or "none"
        raise SuiteError(f"{path}: {error.strerror}; config/guardrails has {there}") from None
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise SuiteError(f"{path}: not a mapping")
    return document


def _cases(document: dict[str, Any], file: str) -> Iterator[Case]:
    """Cases of a file: for each category what its cases have in common, and the cases."""
    for category, part in document.items():
        if not isinstance(part, dict):
            raise SuiteError(f"{file}: {category}: not a mapping")
        common = {key: value for key, value in part.items() if key != "cases"}
        for number, given in enumerate(part.get("cases") or (), 1):
            if not isinstance(given, dict):
                raise SuiteError(f"{file}: {category}: case {number} is not a mapping")
            entry = {"id": f"{category}-{number:02d}", **common, **given, "category": category}
            yield from _disguised(entry, file)


def _disguised(entry: dict[str, Any], file: str) -> Iterator[Case]:
    """The case of an entry, and its copies in the disguises that the entry asks for."""
    ways = entry.pop("disguises", ())
    turns = entry.pop("turns", None) or [entry.pop("text", "")]
    for way in (entry.get("obfuscation", "none"), *ways):
        if way not in OBFUSCATIONS:
            known = ", ".join(OBFUSCATIONS)
            raise SuiteError(f"{file}: {entry['id']}: no disguise {way!r}; there are {known}")
        pairs = [_marked(str(turn), way) for turn in turns]
        fields = {
            **entry,
            "id": entry["id"] if way == "none" else f"{entry['id']}.{way}",
            "texts": tuple(text for text, _ in pairs),
            "secrets": tuple(secret for _, secrets in pairs for secret in secrets),
            "obfuscation": way,
        }
        yield _checked(Case, fields, file)


def _marked(text: str, way: Obfuscation) -> tuple[str, tuple[str, ...]]:
    """A text in its disguise, without the marks, and the secrets that were marked in it."""
    plain = _SECRET.sub(r"\1", text)
    if way in WHOLE:
        disguised = obfuscate(plain, way)
        return disguised, (disguised,) if plain != text else ()
    pieces = [obfuscate(piece, way) for piece in _SECRET.split(text)]
    return "".join(pieces), tuple(pieces[1::2])


def _checked(kind: type[_P], fields: dict[str, Any], file: str) -> _P:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (fields.get("id", ""), *first["loc"]) if part != "")
        told = first["msg"].removeprefix("Value error, ")
        raise SuiteError(f"{file}: {f'{place}: ' if place else ''}{told}") from None
