"""What a deployment does: Copilot's commands in order, what each creates, and which are to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_lib.deploy import fingerprint
from gateway_lib.deploy.copilot import shown
from gateway_lib.deploy.inventory import Inventory
from gateway_lib.deploy.progress import Progress
from gateway_lib.deploy.site import JOB, SERVICE, Site

KEYS = "provider keys"


@dataclass(frozen=True)
class Step:
    """One step of a deployment."""

    name: str
    creates: str
    arguments: tuple[str, ...] = ()
    """Of Copilot; none where the step is done with AWS's API."""
    fingerprint: str = ""
    runs: bool = True
    why: str = ""
    shown: str = ""
    """What to show instead of a command of Copilot's."""

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shown(self.arguments) if self.arguments else self.shown


def make(
    site: Site,
    variables: Mapping[str, str],
    progress: Progress | None,
    inventory: Inventory | None,
) -> list[Step]:
    """The steps of a deployment to AWS.

    Args:
        site: Where to.
        variables: Those that Copilot gets.
        progress: What was finished before; nothing is known of it without an account.
        inventory: What is there; None where Copilot cannot be asked.
    """
    there = inventory or Inventory()
    here = site.environment in there.environments
    told = "is there" if inventory else "cannot tell what is there"
    environment = fingerprint.of_environment(site, variables)
    profile = ("--profile", site.given("AWS_PROFILE") or "<credentials>")
    where = ("--region", site.region or "<region>", "--default-config")

    def init(name: str, creates: str, arguments: tuple[str, ...], exists: bool) -> Step:
        why = told if exists or not inventory else "is not there yet"
        return Step(name, creates, arguments, runs=not exists, why=why)

    def deploy(name: str, creates: str, arguments: tuple[str, ...], wanted: str) -> Step:
        done = here and progress is not None and progress.finished(name, wanted)
        why = "deployed as it is" if done else _reason(name, progress, here, inventory is not None)
        return Step(name, creates, arguments, wanted, runs=not done, why=why)

    return [
        init(
            "app init",
            "the application: roles, a bucket for templates, a registry for each image",
            ("app", "init", site.application),
            there.application,
        ),
        init(
            "env init",
            "the environment's roles; nothing that costs",
            ("env", "init", "--name", site.environment, *profile, *where),
            here,
        ),
        deploy(
            "env deploy",
            "VPC, NAT gateways, cluster, load balancer; database, Redis, secrets, firewall",
            ("env", "deploy", "--name", site.environment),
            environment,
        ),
        Step(
            KEYS,
            "the values of the environment's secret for model providers, from the shell and .env",
            why="writes what differs",
            shown="AWS Secrets Manager: PutSecretValue",
        ),
        init(
            "svc init",
            f"the service {SERVICE} in the application, and its registry",
            ("svc", "init", "--name", SERVICE),
            SERVICE in there.services,
        ),
        deploy(
            "svc deploy",
            "both images, task definition, service, scaling, alarms, dashboard, log bucket",
            ("svc", "deploy", "--name", SERVICE, "--env", site.environment),
            fingerprint.of_workload(site, SERVICE, variables),
        ),
        init(
            "job init",
            f"the job {JOB} in the application, and its registry",
            ("job", "init", "--name", JOB),
            JOB in there.jobs,
        ),
        deploy(
            "job deploy",
            "its image, task definition, state machine and schedule",
            ("job", "deploy", "--name", JOB, "--env", site.environment),
            fingerprint.of_workload(site, JOB, variables),
        ),
    ]


def _reason(name: str, progress: Progress | None, here: bool, known: bool) -> str:
    if not known:
        return "cannot tell what is there"
    if not here:
        return "is not there yet"
    if progress is not None and progress.ever(name):
        return "has changed since"
    return "not finished yet"
