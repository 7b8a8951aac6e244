"""`${NAME}` in manifests, and the variables that containers get."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.interpolation import PREDEFINED, VARIABLE
from gateway_lib.deploy.tree.nodes import Map, walk, written
from gateway_lib.deploy.tree.rule import rule

UNDEFINED = rule(
    "variable/undefined",
    "Every `${NAME}` of a manifest is set, also one in an override of another environment: Copilot fails on"
    " it either way.",
)
EMPTY = rule(
    "variable/empty",
    "No `${NAME}` of a manifest is empty: Copilot would render nothing, or an empty host, without a word.",
)
RESERVED = rule(
    "variable/reserved",
    "COPILOT_APPLICATION_NAME and COPILOT_ENVIRONMENT_NAME are not set: Copilot sets them itself, and"
    " refuses others.",
)
NULL = rule("variable/null", "No variable and no secret of a container is null.")
CLEAR = rule(
    "variable/secret-in-clear",
    "What is secret stands below `secrets`, never in clear: not as a variable, a build argument or a label.",
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_KEY|ACCESS_KEY|MASTER_KEY|SALT_KEY|LICENSE)$",
    re.I,
)
_SECRET_VALUE = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|://[^/\s:@${}]+:[^/\s:@${}]+@"
)


def check(context: Context) -> None:
    """Look at every text of every manifest."""
    for name, manifest in context.tree.environments.items():
        _interpolations(context, manifest.document, manifest.path, name)
    first = next(iter(context.tree.environments), "")
    for workload in context.tree.workloads.values():
        _interpolations(context, workload.manifest.document, workload.manifest.path, first)
        _given(context, workload.manifest.document, workload.manifest.path)


def _interpolations(context: Context, document: Map, path: Path, environment: str) -> None:
    values = context.values(environment)
    for place, value, line in walk(document):
        for name in VARIABLE.findall(value) if isinstance(value, str) else ():
            if name in PREDEFINED:
                if context.variables.get(name, values[name]) != values[name] and len(
                    context.tree.environments
                ):
                    problem = f"{name} is set here, and not to what Copilot sets it to."
                    context.report.add(RESERVED, path, line, problem, f"Unset {name}.", name)
            elif name not in values:
                problem = f"`${{{name}}}` of `{written(place)}` is not set; Copilot stops at it."
                context.report.add(UNDEFINED, path, line, problem, _mend(name), name)
            elif not values[name].strip():
                problem = f"`${{{name}}}` of `{written(place)}` is empty, and is put in as nothing."
                context.report.add(EMPTY, path, line, problem, _mend(name), name)


def _mend(name: str) -> str:
    if name.endswith("_IMAGE"):
        return f"Name the image in copilot/images.yaml, which makes {name}."
    return f"Set {name} in `.env` or in the environment."


def _given(context: Context, document: Map, path: Path) -> None:
    for place, value, line in walk(document):
        kind = place[-2] if len(place) > 1 else ""
        if kind in ("variables", "secrets") and value is None:
            problem = (
                f"`{written(place)}` is null; Copilot drops it and the container goes without."
            )
            context.report.add(NULL, path, line, problem, "Write a value, or '' for an empty one.")
        if kind in ("variables", "args", "labels") and _is_secret(str(place[-1]), value):
            problem = f"`{written(place)}` holds a secret in clear, for all who see the stack or the image."
            mend = "Put it into Secrets Manager and name it below `secrets`, with from_cfn."
            context.report.add(CLEAR, path, line, problem, mend)


def _is_secret(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    if _SECRET_VALUE.search(value):
        return True
    return bool(_SECRET_NAME.search(name)) and value.lower() not in ("true", "false", "none")
