"""cfn-lint on the merged addons, with its findings told in the lines of our files."""

from __future__ import annotations

import json
import logging
from typing import Any

from gateway_lib.deploy.tree.addons import SECTIONS, Addons
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.findings import Severity

ERROR = rule("cfn-lint/error", "cfn-lint finds no error in the merged templates of a folder.")
WARNING = rule(
    "cfn-lint/warning",
    "cfn-lint has no warning about the merged templates of a folder.",
    Severity.WARNING,
)
_IGNORED = ["W2001"]
"""W2001, a parameter that is not used: Copilot passes App, Env and Name, needed or not."""


def lint(context: Context, regions: list[str]) -> None:
    """Lint the addons of environments and of every workload."""
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    for addons in folders:
        if addons is not None and addons.files:
            _lint(context, addons, regions)


def merged_template(addons: Addons) -> dict[str, Any]:
    """The one template that Copilot makes of a folder, functions in their long form."""
    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    for name in SECTIONS:
        section = addons.sections.get(name)
        if section:
            template[name] = list(section) if name == "Transform" else section
    return template


def _lint(context: Context, addons: Addons, regions: list[str]) -> None:
    # cfn-lint takes two seconds to import: only who asks for it waits for it
    from cfnlint.api import lint as cfn_lint  # type: ignore[import-untyped]
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

    logging.getLogger("cfnlint").setLevel(logging.CRITICAL)
    settings = ManualArgs(regions=regions, ignore_checks=_IGNORED)
    for match in cfn_lint(json.dumps(merged_template(addons)), config=settings):
        place = tuple(part for part in (match.path or ()) if isinstance(part, str | int))
        path, line = addons.where(place)
        number, problem = match.rule.id, " ".join(match.message.split()).rstrip(".")
        bad = match.rule.severity == "error"
        where = f" in {'.'.join(map(str, place[:2]))}" if place else ""
        context.report.add(
            ERROR if bad else WARNING,
            path,
            line,
            f"{number}: {problem}{where}.",
            f"{match.rule.shortdesc.rstrip('.')}: see cfn-lint's rule {number}.",
            f"{number} {place} {problem}",
        )
