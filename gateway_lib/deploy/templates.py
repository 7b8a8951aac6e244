"""The CloudFormation of an addons folder as one environment gets it: conditions decided, choices made.

Only as much of CloudFormation as counting and pricing need; `gateway validate` checks the templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.addons import Addons, read_addons
from gateway_lib.deploy.tree.report import Report
from gateway_lib.errors import DeployError


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
    report = Report()
    addons = read_addons(folder, report)
    for finding in report.findings():
        raise DeployError(f"{finding.path}: {finding.problem} See `gateway validate`.")
    if addons is not None:
        yield from _Template(addons, application, environment).resources()


class _Template:
    def __init__(self, addons: Addons, application: str, environment: str) -> None:
        self._addons = addons
        given = {name: f"<{name}>" for name in addons.section("Parameters")}
        self._values: dict[str, Any] = {**given, "App": application, "Env": environment}
        self._conditions = addons.section("Conditions")

    def resources(self) -> Iterator[Resource]:
        for name, body, path, _ in self._addons.entries("Resources"):
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
            found: Any = self._addons.section("Mappings").get(table)
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
