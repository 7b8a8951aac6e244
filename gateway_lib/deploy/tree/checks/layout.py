"""Names and types: what belongs to what, and whether every key is one that Copilot knows."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from gateway_lib.deploy.tree.context import JOB, SERVICE, Context
from gateway_lib.deploy.tree.interpolation import interpolated
from gateway_lib.deploy.tree.models import (
    EnvironmentManifest,
    ScheduledJobManifest,
    ServiceManifest,
)
from gateway_lib.deploy.tree.nodes import Map, get, line_at
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import check_shape, close

NAME = rule("tree/name", "`name` of a manifest is the name of its folder.")
TYPE = rule(
    "tree/type",
    f"`type` of a manifest is `{SERVICE}`, `{JOB}` or, in copilot/environments, `Environment`.",
)
STRANGER = rule(
    "tree/unknown-environment",
    "What stands below `environments` of a manifest is the name of an environment that exists. Copilot"
    " ignores others.",
)
_MODELS: dict[str, type[BaseModel]] = {SERVICE: ServiceManifest, JOB: ScheduledJobManifest}


def check(context: Context) -> None:
    """Look at every manifest as it is written."""
    report, environments = context.report, context.tree.environments
    for name, manifest in environments.items():
        _names(context, manifest.document, manifest.path, name)
        if manifest.document.get("type") != "Environment":
            line = line_at(manifest.document, "type")
            problem = "This manifest does not say that it is one of an environment."
            report.add(TYPE, manifest.path, line, problem, "Write `type: Environment`.")
        document = interpolated(manifest.document, context.values(name))
        check_shape(EnvironmentManifest, document, manifest.path, report)
    for name, workload in context.tree.workloads.items():
        document, path = workload.manifest.document, workload.manifest.path
        _names(context, document, path, name)
        kind = document.get("type")
        if str(kind) not in _MODELS:
            guess = close(str(kind), _MODELS)
            problem = f"`type: {kind}` is none that this validator knows{guess}."
            mend = f"Write `{SERVICE}` or `{JOB}`."
            report.add(TYPE, path, line_at(document, "type"), problem, mend)
        model = _MODELS.get(
            str(kind), ScheduledJobManifest if "on" in document else ServiceManifest
        )
        first = next(iter(environments), "")
        check_shape(model, interpolated(document, context.values(first)), path, report)
        overrides = get(document, "environments")
        for other in overrides if isinstance(overrides, Map) else ():
            if other not in environments:
                problem = f"There is no environment `{other}`, so nothing below it is ever used"
                problem += f"{close(other, environments)}."
                mend = f"Write one of {', '.join(sorted(environments)) or 'the environments'}."
                line = line_at(document, "environments", other)
                report.add(STRANGER, path, line, problem, mend, other)


def _names(context: Context, document: Map, path: Path, folder: str) -> None:
    if document.get("name") != folder:
        problem = f"This manifest is called `{document.get('name')}`, its folder `{folder}`."
        line = line_at(document, "name")
        context.report.add(NAME, path, line, problem, f"Write `name: {folder}`.")
