"""Patches of what Copilot renders: they cannot be conditional, so every path exists everywhere."""

from __future__ import annotations

from pathlib import Path

from gateway_lib.deploy.tree.checks.https import certificates_of
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.lifecycle import lifecycles
from gateway_lib.deploy.tree.nodes import Map
from gateway_lib.deploy.tree.reading import Patches
from gateway_lib.deploy.tree.rendered import (
    RUNTIME,
    Rendered,
    rendered_environment,
    rendered_workload,
)
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import close

FORM = rule(
    "override/form",
    "A patch has `op` (add, remove or replace), a `path` that begins with /, and, but for remove, a `value`;"
    " nothing else.",
)
NOWHERE = rule(
    "override/unknown-path",
    "A patch's path begins at a resource that Copilot renders; a path that is missing fails the deployment.",
)
SOMEWHERE = rule(
    "override/missing-in-environment",
    "A patch's path exists in every environment: without autoscaling there is no DynamicDesiredCountFunction,"
    " without access_logs no BucketCleanerFunction.",
)
UNPATCHED = rule(
    "override/runtime-not-patched",
    f"Every Lambda function that Copilot makes gets another runtime than {RUNTIME}, which is past its date.",
)
ENDED = rule("override/runtime-ended", "A runtime that a patch sets is not past its date.")


def check(context: Context) -> None:
    """Look at the patches of environments and of every workload."""
    tree = context.tree
    stacks = {name: rendered_environment(m) for name, m in context.environments.items()}
    anchor = next(iter(tree.environments.values()), None)
    if anchor is not None:
        folder = tree.folder / "environments" / "overrides"
        _patches(context, tree.patches, stacks)
        _runtimes(context, tree.patches, stacks, folder)
    for name, workload in tree.workloads.items():
        stacks = {
            view.environment: rendered_workload(
                view, https=bool(certificates_of(context, view.environment))
            )
            for view in context.views
            if view.workload is workload
        }
        _patches(context, workload.patches, stacks)
        _runtimes(context, workload.patches, stacks, tree.folder / name / "overrides")


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _patches(context: Context, patches: Patches | None, stacks: dict[str, Rendered]) -> None:
    if patches is None:
        return
    for operation, line in zip(patches.operations, patches.lines, strict=True):
        wrong = _form(operation)
        if wrong or not isinstance(operation, Map):
            mend = "Write `op`, `path` and `value`, as in RFC 6902."
            context.report.add(FORM, patches.path, line, wrong, mend)
            continue
        path, where = str(operation["path"]), operation.line_of("path")
        steps = _steps(path)
        missing = [name for name, stack in stacks.items() if not stack.has(steps)]
        if missing and len(missing) == len(stacks):
            every = sorted(set().union(*(stack.resources for stack in stacks.values())))
            name = steps[1] if len(steps) > 1 else ""
            problem = f"`{path}` does not exist in what Copilot renders{close(name, every)}."
            mend = "Name a resource and a property that are there, or remove the patch."
            context.report.add(NOWHERE, patches.path, where, problem, mend)
        elif missing:
            problem = (
                f"`{path}` does not exist in {', '.join(missing)}, and fails its deployment there."
            )
            mend = _why(steps)
            context.report.add(SOMEWHERE, patches.path, where, problem, mend)
        _value(context, patches, operation, steps)


def _form(operation: object) -> str:
    if not isinstance(operation, Map):
        return "This patch is not a mapping."
    more = set(operation) - {"op", "path", "value"}
    if more:
        name = sorted(more)[0]
        return f"A patch has no `{name}`{close(name, ('op', 'path', 'value'))}."
    if operation.get("op") not in ("add", "remove", "replace"):
        return f"`op: {operation.get('op')}` is none that Copilot knows."
    path = operation.get("path")
    if not isinstance(path, str) or not path.startswith("/"):
        return "The path does not begin with /."
    if operation["op"] != "remove" and "value" not in operation:
        return f"`{operation['op']}` has no value."
    return ""


def _why(steps: list[str]) -> str:
    name = steps[1] if len(steps) > 1 else ""
    if name.startswith(("DynamicDesiredCount", "AutoScaling")):
        return "Keep autoscaling in every environment: `count: {range: 1-2}` instead of a number."
    if name.startswith(("BucketCleaner", "ELBAccessLogs")):
        return "Write `access_logs: true` in every environment."
    return "Make every environment alike in this, or remove the patch."


def _value(context: Context, patches: Patches, operation: Map, steps: list[str]) -> None:
    life = lifecycles().get(str(operation.get("value"))) if steps[-1:] == ["Runtime"] else None
    if life and life.ended(context.today):
        problem = f"{operation['value']} is {life.told()}."
        mend = f"Write `value: {life.successor}`."
        line = operation.line_of("value")
        context.report.add(ENDED, patches.path, line, problem, mend)


def _runtimes(
    context: Context, patches: Patches | None, stacks: dict[str, Rendered], folder: Path
) -> None:
    life = lifecycles().get(RUNTIME)
    if life is None or not life.ended(context.today):
        return
    path = patches.path if patches else folder / "cfn.patches.yml"
    patched: set[str] = set()
    for operation in patches.operations if patches else []:
        steps = _steps(str(operation.get("path"))) if isinstance(operation, Map) else []
        if steps[2:] == ["Properties", "Runtime"]:
            patched.add(steps[1])
    for name in sorted(set().union(*(stack.functions for stack in stacks.values())) - patched):
        problem = f"Copilot makes {name} with {RUNTIME}, {life.told()}; nothing here changes that."
        mend = f"Add a patch: replace /Resources/{name}/Properties/Runtime by {life.successor}."
        context.report.add(UNPATCHED, path, 1 if patches else 0, problem, mend, name)
