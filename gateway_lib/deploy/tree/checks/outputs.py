"""Outputs of workload addons: what Copilot makes of each, and whom it reaches."""

from __future__ import annotations

import re

from gateway_lib.deploy.tree.addons import references
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.nodes import Map, get
from gateway_lib.deploy.tree.reading import Workload
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.findings import Severity

ARN = rule(
    "output/secret-arn-in-environment",
    "An output of a workload addon that is a secret is a plain `!Ref`. Anything else, such as"
    " `!Sub ${Secret}`, becomes a variable: the ARN lands in the environment, and the value nowhere.",
)
SIDECAR = rule(
    "output/secret-not-in-sidecar",
    "No workload addon hands out a secret where there are sidecars: it reaches the main container only. It"
    " belongs into an environment addon, and to every container with from_cfn.",
    Severity.WARNING,
)
CLASH = rule(
    "output/also-in-manifest",
    "No output of a workload addon becomes a variable that the manifest sets, too.",
)
_SECRETS = ("AWS::SecretsManager::Secret", "AWS::SecretsManager::SecretTargetAttachment")
_KEPT_APART = ("AWS::IAM::ManagedPolicy", "AWS::EC2::SecurityGroup")


def check(context: Context) -> None:
    """Look at the outputs of every workload's addons."""
    for workload in context.tree.workloads.values():
        _outputs(context, workload)


def _outputs(context: Context, workload: Workload) -> None:
    addons, document = workload.addons, workload.manifest.document
    if addons is None:
        return
    sidecars = get(document, "sidecars")
    for name, body, path, line in addons.entries("Outputs"):
        value = get(body, "Value")
        alone = value.get("Ref") if isinstance(value, Map) and len(value) == 1 else None
        kind = addons.type_of(alone) if isinstance(alone, str) else ""
        at = body.line_of("Value") if isinstance(body, Map) else line
        if kind == _SECRETS[0]:
            if sidecars:
                problem = f"`{name}` reaches the main container and none of {', '.join(sidecars)}."
                mend = "Make the secret in copilot/environments/addons and name it with from_cfn."
                context.report.add(SIDECAR, path, at, problem, mend)
            continue
        if get(body, "Export") is not None:
            continue
        for _, other, _ in references(value):
            if addons.type_of(other) in _SECRETS:
                problem = f"`{name}` puts where the secret is into the environment, not the secret."
                mend = f"Write `Value: !Ref {other}`, or export it in an environment addon."
                context.report.add(ARN, path, at, problem, mend)
        if kind not in _KEPT_APART:
            _clash(context, workload, name)


def _clash(context: Context, workload: Workload, output: str) -> None:
    variable = snake_case(output)
    for key in ("variables", "secrets"):
        line = None
        for holder in (workload.manifest.document, *_sidecars(workload)):
            section = holder.get(key)
            if isinstance(section, Map) and variable in section:
                line = section.line_of(variable)
        if line is not None:
            problem = f"`{variable}` is set here, and by the output `{output}` of an addon, too."
            mend = "Remove it here, or give the output another name."
            context.report.add(CLASH, workload.manifest.path, line, problem, mend)


def _sidecars(workload: Workload) -> list[Map]:
    found = get(workload.manifest.document, "sidecars")
    return [one for one in found.values() if isinstance(one, Map)] if isinstance(found, Map) else []


def snake_case(output: str) -> str:
    """What Copilot calls the variable it makes of an output: `CallLogBucket` is CALL_LOG_BUCKET."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", output)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text).upper()
