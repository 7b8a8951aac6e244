"""The security scan of who may do what, and who may come in: policies and security groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway_lib.deploy.tree.checks.scan import INGRESS, PUBLIC, WILDCARD, Fault, Resource
from gateway_lib.deploy.tree.nodes import Map, Seq, get, line_at, walk

_EVERYWHERE = ("0.0.0.0/0", "::/0")
_UNBOUND = (
    "ecr:getauthorizationtoken logs:describeloggroups cloudwatch:putmetricdata xray:puttracesegments"
    " xray:puttelemetryrecords ec2:describenetworkinterfaces bedrock:listfoundationmodels"
    " bedrock:listinferenceprofiles cloudwatch:getmetricdata sts:getcalleridentity"
)
_WITHOUT_RESOURCE = frozenset(_UNBOUND.split())
"""Actions that AWS allows on everything or not at all."""


def policies(resource: Resource) -> Iterator[Fault]:
    """What is wrong with the policies in a resource, and with what a security group lets in."""
    for statement, line in statements(resource.body):
        yield from _statement(resource, statement, line)
    if resource.kind == "AWS::EC2::SecurityGroup":
        yield from _group(resource)
    if resource.kind == "AWS::EC2::SecurityGroupIngress":
        yield from _single_ingress(resource)


def _group(resource: Resource) -> Iterator[Fault]:
    rules = resource.get("SecurityGroupIngress")
    if isinstance(rules, Map):
        rules = [rules]
    for number, one in enumerate(rules if isinstance(rules, list) else []):
        yield from _ingress(
            resource, one, line_at(one) or resource.at("SecurityGroupIngress", number)
        )


def _single_ingress(resource: Resource) -> Iterator[Fault]:
    yield from _ingress(resource, resource.body.get("Properties"), resource.line)


def _ingress(resource: Resource, given: Any, line: int) -> Iterator[Fault]:
    for key in ("CidrIp", "CidrIpv6"):
        if get(given, key) in _EVERYWHERE:
            at = line_at(given, key) or line
            problem = f"`{resource.name}` lets the whole internet in."
            yield INGRESS, at, problem, "Name a source group: `SourceSecurityGroupId`."


def statements(body: Any) -> Iterator[tuple[Map, int]]:
    """Every statement of every policy in a body, with its line."""
    for place, value, line in walk(body):
        if isinstance(value, Map) and "Effect" in value and "Statement" in place:
            yield value, line or value.line


def _texts(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, Seq):
        return [(one, value.line_of(n)) for n, one in enumerate(value) if isinstance(one, str)]
    return [(value, 0)] if isinstance(value, str) else []


def _statement(resource: Resource, statement: Map, line: int) -> Iterator[Fault]:
    if statement.get("Effect") != "Allow":
        return
    name = resource.name
    principal = statement.get("Principal")
    open_to = [text for _, text, _ in walk(principal) if text == "*"]
    if open_to and not statement.get("Condition"):
        at = statement.line_of("Principal")
        problem = f"`{name}` allows everybody."
        yield PUBLIC, at, problem, "Name the principal, or add a Condition."
    # the policy of a key speaks of that key alone: `*` is the only resource there is
    if resource.kind == "AWS::KMS::Key":
        return
    actions = _texts(statement.get("Action"))
    for action, at in actions:
        if action == "*" or action.endswith(":*"):
            where = at or statement.line_of("Action")
            problem = f"`{name}` allows `{action}`."
            yield WILDCARD, where, problem, "Name the actions that are used."
    bound = {action.lower() for action, _ in actions} - _WITHOUT_RESOURCE
    for target, at in _texts(statement.get("Resource")):
        if target == "*" and bound and not statement.get("Condition"):
            where = at or statement.line_of("Resource")
            problem = f"`{name}` allows {', '.join(sorted(bound))} on everything."
            yield WILDCARD, where, problem, "Name the ARNs, with `*` in their last part at most."
    for key in ("NotAction", "NotResource", "NotPrincipal"):
        if key in statement:
            at = statement.line_of(key)
            yield WILDCARD, at, f"`{name}` allows all but some ({key}).", "Name what is allowed."
