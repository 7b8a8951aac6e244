"""Exports of addons and what is imported of them: one interface, by names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway_lib.deploy.tree.addons import Addons
from gateway_lib.deploy.tree.conditions import holds
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.naming import FORM, export_name, filled
from gateway_lib.deploy.tree.nodes import Map, get, line_at, walk
from gateway_lib.deploy.tree.rendered import EXPORTS
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import close

UNKNOWN = rule(
    "export/unknown",
    "Every `from_cfn` of a manifest, and every `Fn::ImportValue` of a workload's addon, names an export of"
    " the environment's addons or of Copilot's environment stack.",
)
SOMEWHERE = rule(
    "export/missing-in-environment",
    "What is imported in an environment is exported there: the output has no condition that is false in it.",
)
NAMED = rule(
    "export/name",
    "An export is called `${App}-${Env}-<Name>`, so that two environments in one account do not clash.",
)
TWICE = rule(
    "export/duplicate", "No two outputs export the same name; CloudFormation refuses the second."
)
OWN = rule(
    "export/own",
    "An addon of an environment imports nothing of its own environment: those exports are not there yet. It"
    " takes parameters (`VPCID: !Ref VPC`), or `!Ref` within the folder.",
)
CHANGED = rule(
    "export/changed",
    "The names of exports are those of `copilot/exports.txt`, where that file is: CloudFormation neither"
    " changes nor removes a name that is in use.",
)
COMMITTED = "exports.txt"


@dataclass(frozen=True)
class Export:
    """One exported output."""

    name: str
    """With `${App}` and `${Env}` in it."""
    path: Path
    line: int
    condition: str | None


def check(context: Context) -> None:
    """Look at what is exported, then at everything that imports."""
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    _names(context, [export for addons in folders if addons for export in exports_of(addons)])
    shared = list(exports_of(context.tree.addons)) if context.tree.addons else []
    _committed(context, shared)
    if context.tree.addons:
        _own(context, context.tree.addons)
    for environment in context.tree.environments:
        values = {"App": context.tree.application, "Env": environment}
        there = {filled(export.name, values): export for export in shared}
        conditions = context.tree.addons.section("Conditions") if context.tree.addons else Map()
        absent = {
            name
            for name, export in there.items()
            if export.condition and holds(export.condition, conditions, values) is False
        }
        own = {f"{values['App']}-{environment}-{name}" for name in EXPORTS}
        for path, line, name, shown in _imports(context, environment, values):
            if name in own:
                continue
            if name not in there:
                near = close(shown, [export.name for export in shared])
                problem = f"`{shown}` is exported by nothing{near}; the deployment stops at it."
                mend = (
                    "Write the name of an export of copilot/environments/addons, or add the output."
                )
                context.report.add(UNKNOWN, path, line, problem, mend, shown)
            elif name in absent:
                problem = (
                    f"`{shown}` is not exported in `{environment}`: its output has a condition."
                )
                mend = "Take the condition off the output, or the import out of this environment."
                context.report.add(SOMEWHERE, path, line, problem, mend, shown)


def exports_of(addons: Addons) -> Iterator[Export]:
    """The exports of a folder of addons."""
    for _, body, path, line in addons.entries("Outputs"):
        name = export_name(get(body, "Export", "Name"))
        if name is not None:
            condition = get(body, "Condition")
            at = line_at(body, "Export", "Name") or line
            yield Export(name, path, at, condition if isinstance(condition, str) else None)


def _names(context: Context, exports: list[Export]) -> None:
    seen: dict[str, Export] = {}
    for export in exports:
        if not FORM.fullmatch(export.name.replace("-${Name}-", "-")):
            problem = f"The export `{export.name}` is not called as the others are."
            mend = "Write `!Sub '${App}-${Env}-<Name>'`, the name in PascalCase."
            context.report.add(NAMED, export.path, export.line, problem, mend)
        if export.name in seen:
            first = seen[export.name]
            problem = f"`{export.name}` is exported in line {first.line} of {first.path.name}, too."
            context.report.add(
                TWICE, export.path, export.line, problem, "Give it a name of its own."
            )
        seen.setdefault(export.name, export)


def _imports(
    context: Context, environment: str, values: Mapping[str, str]
) -> Iterator[tuple[Path, int, str, str]]:
    """File, line, name and name as it is written, of everything that one environment imports."""
    for view in context.views:
        if view.environment != environment:
            continue
        for place, value, line in walk(view.manifest):
            named = isinstance(value, str) and value.strip() and "${" not in value
            if place and place[-1] == "from_cfn" and named:
                yield view.path, line, str(value), str(get(view.written, *place))
        if view.workload.addons:
            for path, line, name in _imported(view.workload.addons):
                known = {**values, "Name": view.workload.name}
                known |= {"AWS::StackName": f"{values['App']}-{environment}-{view.workload.name}"}
                yield path, line, filled(name, known), name


def _imported(addons: Addons) -> Iterator[tuple[Path, int, str]]:
    for section in ("Resources", "Outputs"):
        for _, body, path, first in addons.entries(section):
            for _, value, line in walk(body, line=first):
                name = export_name(value.get("Fn::ImportValue")) if isinstance(value, Map) else None
                if name is not None:
                    yield path, value.line_of("Fn::ImportValue") or line, name


def _own(context: Context, addons: Addons) -> None:
    mine = {export.name for export in exports_of(addons)}
    mine |= {f"${{App}}-${{Env}}-{name}" for name in EXPORTS}
    for path, line, name in _imported(addons):
        if name in mine:
            problem = f"`{name}` is exported by this environment itself, and is not there yet."
            mend = (
                "Take it as a parameter (addons.parameters.yml: `VPCID: !Ref VPC`), or `!Ref` it."
            )
            context.report.add(OWN, path, line, problem, mend, name)


def _committed(context: Context, exports: list[Export]) -> None:
    path = context.tree.folder / COMMITTED
    if not path.is_file():
        return
    lines = {
        text.strip(): number
        for number, text in enumerate(path.read_text().splitlines(), 1)
        if text.strip() and not text.startswith("#")
    }
    names = {export.name: export for export in exports}
    for name, number in lines.items():
        if name not in names:
            problem = f"`{name}` is not exported any more{close(name, names)}."
            mend = "Export it again; take the line out only when no stack anywhere imports it."
            context.report.add(CHANGED, path, number, problem, mend)
    for name, export in names.items():
        if name not in lines:
            problem = f"`{name}` is exported and not in {path.name}."
            mend = f"Add the line to copilot/{path.name}; from then on the name stays."
            context.report.add(CHANGED, export.path, export.line, problem, mend)
