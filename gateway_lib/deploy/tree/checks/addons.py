"""Addons: their parameters, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.addons import Addons, references
from gateway_lib.deploy.tree.checks.https import certificates_of
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.nodes import Map, Seq, get, walk
from gateway_lib.deploy.tree.rendered import (
    APPEARS_WITH,
    CONDITIONS,
    ENVIRONMENT_PARAMETERS,
    WORKLOAD_PARAMETERS,
    rendered_environment,
    rendered_workload,
)
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import close

REQUIRED = rule(
    "addon/required-parameter",
    "The templates of a folder declare the parameters that Copilot passes: App and Env, and Name for a"
    " workload.",
)
RESERVED = rule("addon/parameter-reserved", "addons.parameters.yml does not set App, Env or Name.")
MISSING = rule(
    "addon/parameter-missing",
    "Every parameter of a template has a Default or an entry in addons.parameters.yml.",
)
UNKNOWN = rule(
    "addon/parameter-unknown", "Every entry of addons.parameters.yml is a parameter of a template."
)
CYCLE = rule(
    "addon/cycle",
    "No workload addon takes anything of Service, TaskRole or TaskDefinition: they depend on the addons.",
)
STRANGER = rule(
    "addon/parameter-reference",
    "What addons.parameters.yml refers to is in the stack around the addons, in every environment; with an"
    " imported VPC there is no `VPC`, and ids are written out.",
)
APPEARS = rule(
    "addon/conditional-reference",
    "What an environment has only once a service needs it (its load balancer, private route tables) is taken"
    " with `!If`: `!If [CreateALB, !Ref PublicLoadBalancer, '']`. A bare `!Ref` fails the first deployment.",
)
UNCONDITIONAL = rule(
    "addon/unconditional-association",
    "A resource that is attached to something which may be empty (`WebACLAssociation`) has a `Condition`.",
)
UNRESOLVED = rule(
    "addon/unresolved-reference",
    "What a template refers to is a parameter or a resource of one of the folder's templates.",
)
CONDITION = rule(
    "addon/unknown-condition", "Every condition that is used is declared in one of the templates."
)
_GIVEN = ("App", "Env", "Name")
_CIRCULAR = frozenset({"Service", "TaskRole", "TaskDefinition"})
_ASSOCIATIONS = {"AWS::WAFv2::WebACLAssociation": "ResourceArn"}


def check(context: Context) -> None:
    """Look at the addons of environments and of every workload."""
    tree = context.tree
    if tree.addons:
        _folder(context, tree.addons, _GIVEN[:2])
        stacks = {
            name: rendered_environment(manifest).resources | ENVIRONMENT_PARAMETERS
            for name, manifest in context.environments.items()
        }
        _outside(context, tree.addons, stacks)
        _appearing(context, tree.addons)
    for workload in tree.workloads.values():
        if workload.addons is None:
            continue
        _folder(context, workload.addons, _GIVEN)
        stacks = {
            view.environment: rendered_workload(
                view, https=bool(certificates_of(context, view.environment))
            ).resources
            | WORKLOAD_PARAMETERS
            for view in context.views
            if view.workload is workload
        }
        _outside(context, workload.addons, stacks)
        for kind, name, line in references(workload.addons.parameters):
            if name in _CIRCULAR:
                problem = (
                    f"`{name}` itself depends on the addons, so the stack is a circle ({kind})."
                )
                mend = "Do without it; what needs it can find it by its name, as App, Env and Name tell."
                path = workload.addons.parameters_path
                context.report.add(CYCLE, path, line, problem, mend, name)


def _folder(context: Context, addons: Addons, given: tuple[str, ...]) -> None:
    declared, entries = addons.section("Parameters"), addons.parameters or Map()
    path, report = addons.parameters_path, context.report
    for name in given:
        if name not in declared and addons.files:
            problem = f"Copilot passes `{name}`, and no template here has such a parameter."
            report.add(
                REQUIRED, addons.files[0], 1, problem, f"Declare `{name}: {{Type: String}}`.", name
            )
    for name in entries:
        line = entries.line_of(name)
        if name in _GIVEN:
            problem = f"`{name}` is Copilot's to set; it refuses the file."
            report.add(RESERVED, path, line, problem, "Remove the entry.", name)
        elif name not in declared:
            problem = f"No template here has a parameter `{name}`{close(name, declared)}."
            report.add(UNKNOWN, path, line, problem, "Remove the entry, or declare it.", name)
    for name, body, where, line in addons.entries("Parameters"):
        if name not in given and name not in entries and not _has_default(body):
            problem = f"Parameter `{name}` has no Default and no entry in {path.name}."
            report.add(MISSING, where, line, problem, f"Add `{name}:` to {path.name}.", name)
    _inside(context, addons)
    for name, body, where, line in addons.entries("Resources"):
        target = _ASSOCIATIONS.get(str(get(body, "Type")))
        if (
            target
            and "Condition" not in body
            and _may_be_empty(get(body, "Properties", target), addons)
        ):
            problem = f"`{name}` is made even where there is nothing to attach it to."
            mend = "Give it a Condition that the parameter is not empty."
            report.add(UNCONDITIONAL, where, line, problem, mend)


def _has_default(body: object) -> bool:
    return isinstance(body, Map) and "Default" in body


def _may_be_empty(value: Any, addons: Addons) -> bool:
    for _, name, _ in references(value):
        default = get(addons.section("Parameters"), name, "Default")
        entry = (addons.parameters or Map()).get(name)
        if default == "" or any(inner == "" for _, inner, _ in walk(entry)):
            return True
    return False


def _inside(context: Context, addons: Addons) -> None:
    known = {*addons.section("Parameters"), *addons.section("Resources")}
    conditions = addons.section("Conditions")
    for section in ("Conditions", "Resources", "Outputs"):
        for name, body, path, first in addons.entries(section):
            for _, other, line in references(body):
                if other not in known and not other.startswith("AWS::"):
                    problem = f"`{name}` refers to `{other}`, which no template here has"
                    problem += f"{close(other, known)}."
                    mend = "Name what is there, or pass it as a parameter of addons.parameters.yml."
                    at = line or first
                    context.report.add(UNRESOLVED, path, at, problem, mend, other)
            for used, line in _conditions(body, resource=section != "Conditions"):
                if used not in conditions:
                    problem = f"There is no condition `{used}`{close(used, conditions)}."
                    mend = "Declare it below `Conditions`; all templates of a folder share them."
                    context.report.add(CONDITION, path, line or first, problem, mend, used)


def _conditions(body: Any, *, resource: bool) -> Iterator[tuple[str, int]]:
    """Names of conditions that a part of a template uses."""
    if resource and isinstance(body, Map) and isinstance(body.get("Condition"), str):
        yield body["Condition"], body.line_of("Condition")
    for place, value, _ in walk(body):
        if not isinstance(value, Map):
            continue
        chosen = value.get("Fn::If")
        if isinstance(chosen, Seq) and chosen and isinstance(chosen[0], str):
            yield chosen[0], value.line_of("Fn::If")
        if (
            not resource
            and len(value) == 1
            and isinstance(value.get("Condition"), str)
            and place != ()
        ):
            yield value["Condition"], value.line_of("Condition")


def _outside(context: Context, addons: Addons, stacks: dict[str, frozenset[str]]) -> None:
    path = addons.parameters_path
    for _, name, line in references(addons.parameters):
        missing = [env for env, names in stacks.items() if name not in names]
        if missing and not name.startswith("AWS::"):
            every = set().union(*stacks.values())
            problem = (
                f"There is no `{name}` in the stack of {', '.join(missing)}{close(name, every)}."
            )
            mend = "Name what Copilot renders there; with an imported VPC write the ids out."
            context.report.add(STRANGER, path, line, problem, mend, name)
    for used, line in _conditions(addons.parameters, resource=True):
        if used not in CONDITIONS:
            problem = f"The stack has no condition `{used}`{close(used, CONDITIONS)}."
            context.report.add(
                STRANGER, path, line, problem, "Write CreateALB, or another of its.", used
            )


def _appearing(context: Context, addons: Addons) -> None:
    for name, line in _bare(addons.parameters, frozenset()):
        problem = f"`{name}` is there only once a service needs it; the first deployment has none."
        first = APPEARS_WITH[name][0]
        mend = f"Write `!If [{first}, !Ref {name}, '']`."
        path: Path = addons.parameters_path
        context.report.add(APPEARS, path, line, problem, mend, name)


def _bare(value: Any, under: frozenset[str]) -> Iterator[tuple[str, int]]:
    """References to what may not be there, outside of an `!If` that makes sure of it."""
    if isinstance(value, Seq):
        for item in value:
            yield from _bare(item, under)
        return
    if not isinstance(value, Map):
        return
    chosen = value.get("Fn::If")
    if isinstance(chosen, Seq) and len(chosen) == 3:
        yield from _bare(chosen[1], under | {str(chosen[0])})
        yield from _bare(chosen[2], under)
        return
    alone = Map(value.line)
    for key, inner in value.items():
        if isinstance(inner, Map | Seq) and key != "Fn::GetAtt":
            yield from _bare(inner, under)
        else:
            alone.put(key, inner, value.line_of(key))
    for _, name, line in references(alone):
        if name in APPEARS_WITH and not under & set(APPEARS_WITH[name]):
            yield name, line
