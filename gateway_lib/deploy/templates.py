"""The CloudFormation of an addons folder as one environment gets it: conditions decided, choices made.

Only as much of CloudFormation as counting and pricing need; `gateway validate` checks the templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.errors import DeployError


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` is `{"Ref": "X"}`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    raise yaml.YAMLError(f"{name} cannot be read")


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Resource:
    """A resource that the environment has."""

    name: str
    kind: str
    """Its type: `AWS::RDS::DBCluster`."""
    properties: Mapping[str, Any]
    deletion_policy: str
    path: Path
    description: str
    """What the template says of it, for people; empty where it says nothing."""


def resources(folder: Path, application: str, environment: str) -> Iterator[Resource]:
    """Every resource of the folder's templates, in their order.

    Parameters that other stacks fill in count as filled in, as they are once the first service is there.

    Raises:
        DeployError: A template cannot be read.
    """
    for path in sorted(folder.glob("*.y*ml")):
        if path.name.startswith("addons.parameters"):
            continue
        try:
            document = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 (a SafeLoader)
        except (OSError, yaml.YAMLError) as error:
            first = str(error).splitlines()[0]
            raise DeployError(f"{path}: {first}; see `gateway validate`") from None
        if isinstance(document, dict):
            yield from _Template(document, application, environment).resources(path)


class _Template:
    def __init__(self, document: dict[str, Any], application: str, environment: str) -> None:
        self._document = document
        given = {name: f"<{name}>" for name in document.get("Parameters") or {}}
        self._values: dict[str, Any] = {**given, "App": application, "Env": environment}
        self._conditions: dict[str, Any] = document.get("Conditions") or {}

    def resources(self, path: Path) -> Iterator[Resource]:
        for name, body in (self._document.get("Resources") or {}).items():
            if not self._holds(body.get("Condition")):
                continue
            yield Resource(
                name,
                str(body["Type"]),
                self._value(body.get("Properties") or {}),
                str(body.get("DeletionPolicy", "Delete")),
                path,
                str((body.get("Metadata") or {}).get("aws:copilot:description", "")),
            )

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._value(self._conditions[condition]))

    def _value(self, node: Any) -> Any:
        """The node with everything decided that can be; the rest as it stands."""
        if isinstance(node, list):
            items = [self._value(item) for item in node]
            return [item for item in items if item != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            decided = self._function(name, argument)
            if decided is not None:
                return decided[0]
        values = {key: self._value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value != {"Ref": "AWS::NoValue"}}

    def _function(self, name: str, argument: Any) -> tuple[Any] | None:
        """A function's value, in a tuple; None where it is no function or stays open."""
        if name == "Ref" and argument in self._values:
            return (self._values[argument],)
        if name == "Condition" and argument in self._conditions:
            return (self._holds(argument),)
        if name == "Fn::If":
            condition, yes, no = argument
            return (self._value(yes if self._holds(condition) else no),)
        if name == "Fn::FindInMap":
            table, *keys = (self._value(part) for part in argument)
            found: Any = (self._document.get("Mappings") or {}).get(table)
            for key in keys:
                found = (found or {}).get(str(key))
            return (found,)
        if name not in ("Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"):
            return None
        parts = [self._value(part) for part in argument]
        decide = {
            "Fn::Equals": lambda: str(parts[0]) == str(parts[1]),
            "Fn::Not": lambda: not parts[0],
            "Fn::And": lambda: all(parts),
            "Fn::Or": lambda: any(parts),
        }
        return (decide[name](),)
