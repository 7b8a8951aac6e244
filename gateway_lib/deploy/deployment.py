"""A deployment from the first look to the proof, the same for every target.

::

    deployment = deploy.open_deployment("dev")
    prepared = deployment.prepare()          # changes nothing
    outcome = deployment.apply(prepared)     # Copilot's commands, then the proof
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway_lib.deploy.check import Check, State, refusals
from gateway_lib.deploy.cost import Estimate
from gateway_lib.deploy.plan import Step
from gateway_lib.deploy.site import Site, configuration_of
from gateway_lib.errors import PreflightFailed, ProofFailed, TreeInvalid
from gateway_lib.findings import Finding, failing

Report = Callable[[str], None]


def silent(line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Prepared:
    """What was found before anything is changed."""

    site: Site
    checks: tuple[Check, ...]
    lint: tuple[Finding, ...]
    tree: tuple[Finding, ...]
    estimate: Estimate
    steps: tuple[Step, ...]
    found: Any = field(default=None, repr=False)
    """What the target needs to go on, and nobody else."""

    @property
    def ready(self) -> bool:
        """Whether it could be applied."""
        return not (refusals(self.checks) or failing(self.lint) or failing(self.tree))

    def refuse(self) -> None:
        """Refuse where it cannot be applied.

        Raises:
            PreflightFailed: Something that it needs is missing.
            TreeInvalid: Lint or validate found faults.
        """
        refuse(self.checks)
        faults = failing([*self.lint, *self.tree])
        if faults:
            lines = [str(finding) for finding in sorted(faults)]
            raise TreeInvalid("\n".join([f"{len(faults)} faults:", *lines]))


def refuse(checks: Sequence[Check]) -> None:
    """Refuse where a check says that it cannot go on.

    Raises:
        PreflightFailed: A line for each such check.
    """
    missing = refusals(checks)
    if missing:
        raise PreflightFailed("\n".join(["this is missing:", *map(str, missing)]))


@dataclass(frozen=True)
class Outcome:
    """What a deployment did, and what it proved."""

    ran: tuple[str, ...]
    url: str
    outputs: dict[str, Any]
    proof: tuple[Check, ...]

    def refuse(self) -> None:
        """Refuse where the proof failed.

        Raises:
            ProofFailed: The text has what failed and what to do.
        """
        wrong = [check for check in self.proof if check.state is State.FAILED]
        if wrong:
            raise ProofFailed("\n".join(["it is deployed, but:", *map(str, wrong)]))


class Deployment(Protocol):
    """What every target can do."""

    @property
    def site(self) -> Site:
        """Where it goes."""

    def prepare(self) -> Prepared:
        """Look at everything, and change nothing."""

    def apply(self, prepared: Prepared, *, prove: bool = True) -> Outcome:
        """Do it. Raises `PreflightFailed` or `TreeInvalid` before the first step where it cannot be done."""


def checked_files(
    site: Site, environment: Mapping[str, str], *, cfn_lint: bool = True
) -> tuple[list[Finding], list[Finding]]:
    """What lint finds in the configuration, and validate in the tree.

    Args:
        site: Whose files.
        environment: The variables that the manifests would get.
        cfn_lint: Whether validate runs cfn-lint too, which takes seconds.
    """
    from gateway_lib.config import lint
    from gateway_lib.deploy.tree import validate

    configuration = lint(configuration_of(site.root), site.variables)
    return configuration, validate(site.root, environment, cfn_lint=cfn_lint)
