"""The policy file: which claims earn what. The first rule that matches counts, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from middleware.identity import names
from middleware.identity.grant import Grant

Value = str | bool | int
Match = dict[str, Value | list[Value]]


class PolicyBroken(ValueError):
    """The policy file cannot be used; the message has a line per mistake."""


def _stated(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a grant that a part of the file states; checked one by one here, together later."""
    known = {name: value for name, value in fields.items() if name != "budget_duration"}
    Grant.model_validate(known)
    return fields


Stated = Annotated[dict[str, Any], AfterValidator(_stated)]


class Rule(BaseModel):
    """A name, what claims must be, and what of a grant it states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    match: Match
    """Every claim named must have one of the values given; none named matches everybody."""
    grant: Stated = Field(default_factory=dict)
    refuse: bool = False
    """Whether those who match get nothing at all."""

    @model_validator(mode="after")
    def _either(self) -> Rule:
        if self.refuse and self.grant:
            raise ValueError("a rule that refuses has no grant")
        return self

    def matches(self, claims: Mapping[str, Any]) -> bool:
        return all(_has(claims, name, wanted) for name, wanted in self.match.items())


class Policy(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    defaults: Stated = Field(default_factory=dict)
    """What a rule's grant has that does not state it itself."""
    rules: tuple[Rule, ...] = ()
    internal_users: Grant | None = None
    """The most that users may give their keys whom an administrator made; else what LiteLLM says of them."""

    @model_validator(mode="after")
    def _usable(self) -> Policy:
        listed = [rule.name for rule in self.rules]
        if twice := sorted({name for name in listed if listed.count(name) > 1}):
            raise ValueError(f"two rules have the name {twice[0]}")
        for rule in self.rules:
            try:
                self.granted(rule)
            except ValidationError as error:
                raise ValueError(f"rule {rule.name}: {'; '.join(_mistakes(error))}") from None
        return self

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read and check a policy file.

        Raises:
            PolicyBroken: with the place and the reason of every mistake.
        """
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PolicyBroken(f"{path}: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise PolicyBroken(f"{path}: {error}") from error
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            lines = [f"{path}: {line}" for line in _mistakes(error)]
            raise PolicyBroken("\n".join(lines)) from error

    def rule_for(self, claims: Mapping[str, Any]) -> Rule | None:
        """The first rule that matches; None where nothing is granted to the claims."""
        rule = next((rule for rule in self.rules if rule.matches(claims)), None)
        return None if rule is None or rule.refuse else rule

    def named(self, name: str) -> Rule | None:
        """The rule of that name, where there still is one and it grants something."""
        return next((rule for rule in self.rules if rule.name == name and not rule.refuse), None)

    def granted(self, rule: Rule) -> Grant:
        """What a rule grants, the defaults included."""
        return Grant.model_validate({**self.defaults, **rule.grant})


def _mistakes(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"]) or "file"
        yield f"{place}: {each['msg'].removeprefix('Value error, ')}"


def _has(claims: Mapping[str, Any], name: str, wanted: Value | list[Value]) -> bool:
    found = _claim(claims, name)
    if isinstance(found, str) and name in ("scope", "scp"):
        found = found.split()  # RFC 8693: one string, whose words are the values
    values = found if isinstance(found, list) else [found]
    accepted = wanted if isinstance(wanted, list) else [wanted]
    return any(_equal(value, each) for value in values for each in accepted)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, else by the path that its dots mean, as in `realm_access.roles`."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _equal(value: Any, wanted: Value) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return names.covers(wanted, value)
    return type(value) is type(wanted) and bool(value == wanted)
