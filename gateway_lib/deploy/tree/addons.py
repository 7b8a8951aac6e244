"""Addons: the templates of one folder, merged into one as Copilot merges them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.loading import load
from gateway_lib.deploy.tree.naming import SUBSTITUTION
from gateway_lib.deploy.tree.nodes import Map, Place, get, line_at, walk
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import rule

SECTIONS = (
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
)
"""What survives the merging."""
_IGNORED = ("AWSTemplateFormatVersion", "Description")
_PARAMETERS = ("addons.parameters.yml", "addons.parameters.yaml")

DROPPED = rule(
    "addon/dropped-section",
    "A template has the sections that Copilot merges: Metadata, Parameters, Mappings, Conditions, Transform,"
    " Resources, Outputs. Others (`Rules`, `Globals`) are dropped silently.",
)
TWICE = rule(
    "addon/duplicate",
    "A name that stands in two templates of one folder has the same body in both, since they become one.",
)
FOLDER = rule(
    "addon/folder",
    "A folder of addons has templates, and at most one `addons.parameters.yml`.",
)


@dataclass
class Addons:
    """One folder's templates as one, and where each part came from."""

    folder: Path
    parameters_path: Path
    sections: dict[str, Map] = field(default_factory=dict)
    origins: dict[tuple[str, str], Path] = field(default_factory=dict)
    """The file of each entry of each section; of mappings, of each second-level key as `name.key`."""
    parameters: Map | None = None
    """`Parameters` of addons.parameters.yml, None without that file."""
    files: list[Path] = field(default_factory=list)

    def section(self, name: str) -> Map:
        """A section, empty where there is none."""
        return self.sections.get(name, Map())

    def entries(self, name: str) -> Iterator[tuple[str, Any, Path, int]]:
        """Name, body, file and line of each entry of a section."""
        found = self.section(name)
        for key, body in found.items():
            yield key, body, self.path_of(name, key), found.line_of(key)

    def path_of(self, section: str, key: str) -> Path:
        """The file an entry came from."""
        return self.origins.get((section, key), self.files[0] if self.files else self.folder)

    def where(self, place: Place) -> tuple[Path, int]:
        """File and line of a place in the merged template."""
        section = str(place[0]) if place else ""
        key = str(place[1]) if len(place) > 1 else ""
        found = self.sections.get(section)
        if found is None or key not in found:
            return (self.files[0] if self.files else self.folder), 1
        return self.path_of(section, key), line_at(found, *place[1:])

    def type_of(self, logical_id: str) -> str:
        """The type of a resource, empty where there is none of that name."""
        return str(get(self.section("Resources"), logical_id, "Type") or "")


def read_addons(folder: Path, report: Report) -> Addons | None:
    """The addons of a folder, None where there is no such folder."""
    if not folder.is_dir():
        return None
    files = sorted(p for p in folder.iterdir() if p.suffix in (".yml", ".yaml"))
    given = [p for p in files if p.name in _PARAMETERS]
    made = Addons(folder, given[0] if given else folder / _PARAMETERS[0])
    made.files = [p for p in files if p not in given]
    if not made.files or len(given) > 1:
        problem = "There are two files of parameters." if given[1:] else "There is no template."
        mend = "Keep one of them." if given[1:] else "Write one, or remove the folder."
        report.add(FOLDER, folder, 0, problem, mend)
    for path in made.files:
        document = load(path, report, template=True)
        if document is not None:
            _merge(made, path, document, report)
    if given and (document := load(given[0], report, template=True)) is not None:
        parameters = document.get("Parameters")
        if not isinstance(parameters, Map):
            problem = "This file has no mapping `Parameters`."
            report.add(FOLDER, given[0], 1, problem, "Write `Parameters:` and below it the values.")
        made.parameters = parameters if isinstance(parameters, Map) else Map()
    return made


def _merge(made: Addons, path: Path, document: Map, report: Report) -> None:
    for name, body in document.items():
        if name in _IGNORED:
            continue
        if name not in SECTIONS:
            problem = f"Copilot drops `{name}` silently when it merges the templates of the folder."
            mend = "Do without it; what it was to assure belongs in the manifest or in a condition."
            report.add(DROPPED, path, document.line_of(name), problem, mend, name)
            continue
        if not isinstance(body, Map):
            if name == "Transform":
                transform = made.sections.setdefault(name, Map(document.line_of(name)))
                transform.put(str(body), body, document.line_of(name))
            continue
        into = made.sections.setdefault(name, Map(body.line))
        for key, value in body.items():
            _put(made, into, name, key, value, path, body.line_of(key), report)


def _put(
    made: Addons, into: Map, name: str, key: str, value: Any, path: Path, line: int, report: Report
) -> None:
    if key not in into:
        into.put(key, value, line)
        made.origins[name, key] = path
        return
    there, theirs = into[key], made.path_of(name, key)
    if name == "Mappings" and isinstance(there, Map) and isinstance(value, Map):
        clash = [k for k in value if k in there and there[k] != value[k]]
        for inner, body in value.items():
            if inner not in there:
                there.put(inner, body, value.line_of(inner))
    else:
        clash = [key] if there != value else []
    if clash:
        problem = (
            f"`{key}` in {name} is in {theirs.name}, too, with another body; Copilot refuses both."
        )
        mend = "Give one of them another name: all templates of a folder become one."
        report.add(TWICE, path, line, problem, mend, key)


def references(value: Any) -> Iterator[tuple[str, str, int]]:
    """What a value refers to: (`Ref`, `GetAtt` or `Sub`), the name, and the line.

    Names inside `Fn::Sub` texts are told as `Sub`, without what stands after a dot; names that the
    function itself defines are left out.
    """
    for _, inner, line in walk(value):
        if not isinstance(inner, Map):
            continue
        if isinstance(inner.get("Ref"), str):
            yield "Ref", inner["Ref"].strip(), inner.line_of("Ref")
        attribute = inner.get("Fn::GetAtt")
        if isinstance(attribute, list) and attribute:
            yield "GetAtt", str(attribute[0]), inner.line_of("Fn::GetAtt")
        elif isinstance(attribute, str):
            yield "GetAtt", attribute.partition(".")[0], inner.line_of("Fn::GetAtt")
        if "Fn::Sub" in inner:
            for name in sub_names(inner["Fn::Sub"]):
                yield "Sub", name.partition(".")[0], line or inner.line_of("Fn::Sub")


def sub_names(value: Any) -> list[str]:
    """The names that a `Fn::Sub` takes from its template."""
    text, own = value, set()
    if isinstance(value, list) and value:
        text, own = (
            value[0],
            set(value[1]) if len(value) > 1 and isinstance(value[1], Map) else set(),
        )
    found = SUBSTITUTION.findall(text) if isinstance(text, str) else []
    return [name for name in found if name not in own]
