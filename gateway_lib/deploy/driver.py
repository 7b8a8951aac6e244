"""Carrying out a plan: Copilot's commands in order, each noted when it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway_lib.deploy import keys
from gateway_lib.deploy.aws import Aws
from gateway_lib.deploy.copilot import Copilot
from gateway_lib.deploy.credentials import named_profile
from gateway_lib.deploy.plan import KEYS, Step
from gateway_lib.deploy.progress import Progress
from gateway_lib.deploy.site import Site
from gateway_lib.errors import CopilotFailed

_NO_CHANGE = re.compile(
    r"has no changes|(?:does not|doesn't) introduce immediate resource changes|change ?set .*empty",
    re.IGNORECASE,
)
"""What Copilot says where CloudFormation finds nothing to change; it then ends with status 1."""
_FORCED = ("env deploy", "svc deploy")


@dataclass(frozen=True)
class Driver:
    """Runs the steps of a plan.

    Attributes:
        site: Where to.
        copilot: The binary.
        aws: For the provider keys, and the credentials of `env init`.
        progress: Where finished steps are noted.
        report: Takes one line for people at a time.
    """

    site: Site
    copilot: Copilot
    aws: Aws
    progress: Progress
    report: Callable[[str], None] = lambda line: None

    def run(self, steps: Sequence[Step]) -> list[str]:
        """Run what is to run, in order, and stop at the first failure.

        Returns:
            names of the steps that ran.

        Raises:
            CopilotFailed: A command failed; the steps before it are noted as done.
            DeployInterrupted: Ctrl-C or SIGTERM came; the step under way is not noted as done.
        """
        ran = []
        for number, step in enumerate(steps, 1):
            head = f"[{number}/{len(steps)}] {step.name}"
            if step.name == KEYS:
                self.report(f"{head}: {self._deliver()}")
                continue
            forgotten = step.fingerprint and not self.progress.ever(step.name)
            if not step.runs and not forgotten:
                self.report(f"{head}: {step.why}")
                continue
            self.report(f"{head}: {step.command}")
            self.progress.forget(step.name)
            self._command(step)
            self.progress.finish(step.name, step.fingerprint)
            ran.append(step.name)
        return ran

    def _deliver(self) -> str:
        delivered = keys.deliver(self.site, self.aws)
        if delivered.changed:
            # containers read secrets when they start: the service has to be deployed anew
            self.progress.forget("svc deploy")
        return str(delivered) or "none"

    def _command(self, step: Step) -> None:
        if step.name == "env init":
            with named_profile(self.aws, self.site.region) as (profile, variables):
                at = step.arguments.index("--profile") + 1
                arguments = (*step.arguments[:at], profile, *step.arguments[at + 1 :])
                self.copilot.run(arguments, **variables)
            return
        try:
            self.copilot.run(step.arguments)
        except CopilotFailed as error:
            if not _NO_CHANGE.search(str(error)):
                raise
            if step.name not in _FORCED:
                self.report("nothing to change")
                return
            self.report("CloudFormation sees nothing to change; once more with --force")
            self.copilot.run((*step.arguments, "--force"))
