"""The requirement locks, compared with what they may not hold: bad versions, and anything without a hash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway_lib.errors import ConfigurationError
from gateway_lib.findings import Finding

FLOORS = Path("config/dependency-floors.yaml")
LOCKS = ("requirements.lock", "requirements-middleware.lock", "requirements-evaluate.lock")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _known(text: str) -> str:
    Version(text)  # raises a ValueError for what is no version
    return text


Known = Annotated[str, AfterValidator(_known)]
"""A version, as text."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Advisory(_Strict):
    """A published fault of a package."""

    id: str = Field(pattern=r"^(CVE|PYSEC|GHSA)-")
    what: str
    fixed: Known | None = None
    """The first version without it; None where none is known."""


class Package(_Strict):
    """What may not be locked of one package."""

    floor: Known
    denied: tuple[Known, ...] = ()
    advisories: tuple[Advisory, ...] = ()

    @cached_property
    def lowest(self) -> Version:
        """The floor, or the newest version that an advisory asks for."""
        return max([Version(self.floor), *(Version(a.fixed) for a in self.advisories if a.fixed)])

    def open_in(self, version: Version) -> list[str]:
        """Ids of the advisories that hold for a version, as far as is known."""
        return [a.id for a in self.advisories if a.fixed and version < Version(a.fixed)]


class Accepted(_Strict):
    """An advisory that no version mends, and why it is lived with."""

    package: str
    id: str
    why: str


class Floors(_Strict):
    """`config/dependency-floors.yaml`."""

    packages: dict[Annotated[str, AfterValidator(canonicalize_name)], Package]
    accepted: tuple[Accepted, ...] = ()


@dataclass(frozen=True)
class Pin:
    """One requirement of a lock."""

    line: int
    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version | None:
        """The version it is held to; None where it is a range or an address."""
        held = re.fullmatch(r"==([^*,]+)", str(self.requirement.specifier))
        return Version(held[1]) if held else None


def read_floors(path: Path) -> Floors:
    """The floors and denied versions.

    Raises:
        ConfigurationError: The file cannot be read, or something in it is not right.
    """
    try:
        return Floors.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def pins(text: str) -> Iterator[Pin | tuple[int, str]]:
    """The requirements of a lock; a line that is none comes as its number and itself."""
    number = 1
    for entry in re.split(r"(?<!\\)\n", text):
        first = entry.split(" \\\n")[0].split(" #")[0].split(" --hash")[0].strip()
        if first and not first.startswith("#"):
            try:
                yield Pin(number, Requirement(first), len(_HASH.findall(entry)))
            except InvalidRequirement:
                yield number, first
        number += entry.count("\n") + 1


def check(root: Path) -> list[Finding]:
    """What is wrong with the requirement locks of a checkout; the rules are in docs/dependencies.md.

    Raises:
        ConfigurationError: The file of floors cannot be used.
    """
    floors = read_floors(root / FLOORS)
    return [one for name in LOCKS for one in _of(root / name, floors)]


def _of(path: Path, floors: Floors) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(path, 0, "lock/missing", "The lock is not there.", "Run `make lock`.")
        return
    for pin in pins(path.read_text()):
        line, fault = (pin.line, _fault(pin, floors)) if isinstance(pin, Pin) else (pin[0], _OPTION)
        if fault:
            yield Finding(path, line, *fault)


_OPTION = (
    "lock/option",
    "This is not a requirement; the address of an index belongs to whoever installs.",
    "Take the line out, or run `make lock`.",
)


def _fault(pin: Pin, floors: Floors) -> tuple[str, str, str] | None:
    """Rule, problem and mend of the first thing that is wrong with a pin."""
    name, version, known = pin.name, pin.version, floors.packages.get(pin.name)
    if version is None:
        return "lock/not-pinned", f"{name} is not held to one version.", "Run `make lock`."
    if not pin.hashes:
        return "lock/no-hash", f"{name} has no hash: any file would do.", "Run `make lock`."
    if known is None:
        return None
    mend = f"Take {known.lowest} or newer."
    if version in map(Version, known.denied):
        return "lock/denied", f"{name} {version} is denied: it did harm.", mend
    if version < known.lowest:
        why = ", ".join(known.open_in(version)) or "older than what was tested"
        return "lock/below-floor", f"{name} {version} is below {known.lowest}: {why}.", mend
    return None
