"""Reading a YAML file as Copilot and CloudFormation read it, with the line of everything in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.deploy.tree.nodes import Map, Seq
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import rule

UNREADABLE = rule("yaml/unreadable", "Every file of the tree is UTF-8 text that can be read.")
SYNTAX = rule(
    "yaml/syntax",
    "Every file of the tree is one YAML document, a mapping (a list, where patches are).",
)
COLONS = rule(
    "yaml/unquoted-colons",
    "A value that ends with `::`, as a reference to one key of a secret does, is quoted.",
)
TWICE = rule("yaml/duplicate-key", "A key is there once; of two, the last one would win silently.")
TAG = rule("yaml/unknown-tag", "Tags are CloudFormation's functions, and stand in templates only.")

_FUNCTION_NAMES = (
    "And Base64 Cidr FindInMap ForEach GetAZs GetAtt If ImportValue Join Length Not Equals Or Select"
    " Split Sub ToJsonString Transform"
)
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML 1.2 scalars, like the Go parser of Copilot: `on` is a word, `2012-10-17` is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to set them


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def load(
    path: Path, report: Report, *, template: bool = False, top: str | None = None
) -> Map | None:
    """The document of a file, None where it cannot be read; what is wrong goes into the report.

    Args:
        path: The file.
        report: Where faults go.
        template: Whether CloudFormation's functions may stand in it. They come back in their long
            form: `!Ref X` as `{"Ref": "X"}`, `!GetAtt A.B` as `{"Fn::GetAtt": ["A", "B"]}`.
        top: The file is a list; it comes back under this key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        report.add(UNREADABLE, path, 0, f"This file cannot be read: {reason}.", "Put it right.")
        return None
    try:
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        _tell_syntax(path, text, error, report)
        return None
    kind = yaml.SequenceNode if top else yaml.MappingNode
    if len(documents) != 1 or not isinstance(documents[0], kind):
        wanted = "list" if top else "mapping"
        problem = f"This file is not one YAML document with a {wanted} at its top."
        report.add(SYNTAX, path, 1, problem, f"Write one document, a {wanted}.")
        return None
    made = _Reader(path, report, template).value(documents[0])
    if top:
        wrapped = Map(1)
        wrapped.put(top, made, 1)
        return wrapped
    return made if isinstance(made, Map) else None


def _tell_syntax(path: Path, text: str, error: Exception, report: Report) -> None:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    reason = getattr(error, "problem", None) or "a character that YAML does not allow"
    lines = text.splitlines()
    around = [n for n in (line, line - 1, line + 1) if 0 < n <= len(lines)]
    bare = re.compile(r"""^[^#'"]*:\s+(?:!\w+\s+)?[^\s'"#][^'"#]*::\s*(?:#.*)?$""")
    for number in around:
        if bare.match(lines[number - 1]):
            problem = "This value ends with `::` and is not quoted, so the file is not YAML."
            report.add(COLONS, path, number, problem, "Put the whole value between quotes.")
            return
    mend = "Mend the indentation, the quotes or the brackets here or in the line before."
    report.add(SYNTAX, path, line, f"This is not YAML: {reason}.", mend)


class _Reader:
    """Makes values of the nodes of one document."""

    def __init__(self, path: Path, report: Report, template: bool) -> None:
        self.path, self.report, self.template = path, report, template
        self.open: set[int] = set()
        self.plain = yaml.SafeLoader("")

    def value(self, node: yaml.Node) -> Any:
        if id(node) in self.open:
            problem = "This anchor refers to itself."
            self.report.add(SYNTAX, self.path, _line(node), problem, "Write the value out.")
            return None
        self.open.add(id(node))
        try:
            if node.tag.startswith("!"):
                return self._function(node)
            return self._plain(node)
        finally:
            self.open.discard(id(node))

    def _plain(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            items = Seq(_line(node))
            for item in node.value:
                items.put(self.value(item), _line(item))
            return items
        try:
            return self.plain.construct_object(node)
        except (yaml.YAMLError, ValueError):
            problem = f"`{node.value}` is not what its tag `{node.tag}` says."
            mend = "Write the value without the tag."
            self.report.add(TAG, self.path, _line(node), problem, mend)
            return str(node.value)

    def _mapping(self, node: yaml.MappingNode) -> Map:
        made, inherited = Map(_line(node)), Map()
        for key, value in node.value:
            line = _line(key)
            if key.tag == "tag:yaml.org,2002:merge":
                for source in self._merged(value):
                    for name, inner in source.items():
                        if name not in inherited:
                            inherited.put(name, inner, source.line_of(name))
                continue
            name = str(key.value)
            if name in made:
                problem = (
                    f"`{name}` is there twice; the first one, in line {made.lines[name]}, is lost."
                )
                self.report.add(TWICE, self.path, line, problem, "Keep one of them.", name)
            made.put(name, self.value(value), line)
        for name, inner in inherited.items():
            if name not in made:
                made.put(name, inner, inherited.line_of(name))
        return made

    def _merged(self, node: yaml.Node) -> list[Map]:
        found = self.value(node)
        given = list(found) if isinstance(found, Seq) else [found]
        if not all(isinstance(one, Map) for one in given):
            problem = "Only mappings can be merged with `<<`."
            self.report.add(SYNTAX, self.path, _line(node), problem, "Name an anchor of a mapping.")
        return [one for one in given if isinstance(one, Map)]

    def _function(self, node: yaml.Node) -> Any:
        tag, line = node.tag[1:], _line(node)
        node = _untagged(node)
        short = tag in ("Ref", "Condition")
        if not self.template or not (short or tag in _FUNCTIONS):
            where = "a template" if self.template else "a manifest"
            problem = f"`!{tag}` means nothing in {where}."
            mend = "Write the value without the tag." if not self.template else "Name a function."
            self.report.add(TAG, self.path, line, problem, mend)
            return self._plain(node)
        value = self._plain(node)
        if tag == "GetAtt" and isinstance(value, str):
            first, _, rest = value.partition(".")
            value = Seq(line)
            value.put(first, line)
            value.put(rest, line)
        made = Map(line)
        made.put(tag if short else f"Fn::{tag}", value, line)
        return made


def _untagged(node: yaml.Node) -> yaml.Node:
    if isinstance(node, yaml.ScalarNode):
        return yaml.ScalarNode("tag:yaml.org,2002:str", node.value, node.start_mark, node.end_mark)
    kind = type(node)
    return kind("tag:yaml.org,2002:map", node.value, node.start_mark, node.end_mark)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
