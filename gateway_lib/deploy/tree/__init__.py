"""The Copilot tree: reading it, and validating it more strictly than Copilot does.

`validate` looks at everything below `copilot/` without a network and without an account. Every rule is in
docs/validate.md, and `rules` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from gateway_lib.deploy.tree import linting
from gateway_lib.deploy.tree.checks import CHECKS
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.reading import read_tree
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import Rule, known_rules
from gateway_lib.findings import Finding

__all__ = ["Rule", "rules", "validate"]


def validate(
    root: Path,
    environment: Mapping[str, str],
    *,
    cfn_lint: bool = True,
    today: date | None = None,
) -> list[Finding]:
    """What is wrong with a project's Copilot tree.

    Args:
        root: The project, which has the folder `copilot`.
        environment: The shell variables that Copilot would see; those of base images are added from
            `copilot/images.yaml`.
        cfn_lint: Whether to run cfn-lint on the merged addons, too, which takes seconds.
        today: The day by which runtimes of Lambda functions are judged.

    Returns:
        findings by file and line; empty where all is well.
    """
    report = Report()
    tree = read_tree(root, report)
    context = Context(tree, environment, report, today or date.today())
    for check in CHECKS:
        check(context)
    if cfn_lint:
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        linting.lint(context, [region or "us-east-1"])
    return report.findings()


def rules() -> list[Rule]:
    """Every rule, by name."""
    return known_rules()
