"""Taking an environment down: what stays, and Copilot's commands for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway_lib.deploy import inventory
from gateway_lib.deploy.copilot import Copilot, shown
from gateway_lib.deploy.progress import Progress
from gateway_lib.deploy.site import JOB, SERVICE, Site
from gateway_lib.deploy.templates import Resource, resources
from gateway_lib.errors import NotConfirmed

_WORDS = {
    "AWS::KMS::Key": "the encryption key, without which nothing of the rest can be read",
    "AWS::S3::Bucket": "the bucket and what is in it",
    "AWS::SecretsManager::Secret": "the secret",
    "AWS::RDS::DBCluster": "a last snapshot of the database",
    "AWS::Logs::LogGroup": "the log group",
}


@dataclass(frozen=True)
class Kept:
    """Something that stays after the environment is gone, and goes on costing."""

    name: str
    what: str
    where: str


@dataclass(frozen=True)
class Removal:
    """What taking down an environment does."""

    commands: tuple[tuple[str, ...], ...]
    kept: tuple[Kept, ...]
    protected: tuple[str, ...]
    """Resources that AWS refuses to delete until their protection is switched off."""
    others: tuple[str, ...]
    """Environments of the application that stay, and with them the application."""


def plan(site: Site, there: inventory.Inventory) -> Removal:
    """What is to do, by what Copilot knows.

    The application goes only with its last environment: `app delete` deletes all of them.
    """
    others = sorted(there.environments - {site.environment})
    commands: list[tuple[str, ...]] = []
    if site.environment in there.environments:
        where = ("--env", site.environment, "--yes")
        if SERVICE in there.services:
            commands.append(("svc", "delete", "--name", SERVICE, *where))
        if JOB in there.jobs:
            commands.append(("job", "delete", "--name", JOB, *where))
        commands.append(("env", "delete", "--name", site.environment, "--yes"))
    if there.application and not others:
        commands.append(("app", "delete", "--name", site.application, "--yes"))
    known = _known(site)
    return Removal(
        tuple(commands),
        tuple(_kept(resource) for resource in known if resource.deletion_policy != "Delete"),
        tuple(r.name for r in known if r.properties.get("DeletionProtection") is True),
        tuple(others),
    )


def confirm(site: Site, typed: str | None) -> None:
    """Refuse unless the environment's name was typed.

    Raises:
        NotConfirmed: It was not.
    """
    if typed != site.environment:
        raise NotConfirmed(
            f"nothing was deleted: type the name of the environment, {site.environment},"
            f" or give --confirm {site.environment}"
        )


def carry_out(
    site: Site,
    removal: Removal,
    copilot: Copilot,
    progress: Progress,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the commands in order and stop at the first failure; done again, it goes on.

    Raises:
        CopilotFailed: A command failed.
        DeployInterrupted: Ctrl-C or SIGTERM came.
    """
    workspace = site.tree / ".workspace"
    committed = workspace.read_bytes()
    progress.remove()
    try:
        for number, arguments in enumerate(removal.commands, 1):
            report(f"[{number}/{len(removal.commands)}] {shown(arguments)}")
            copilot.run(arguments)
    finally:
        if (
            not workspace.exists()
        ):  # `app delete` removes it; it is the repository's, for the next one
            workspace.write_bytes(committed)


def _known(site: Site) -> list[Resource]:
    folders = ("environments/addons", f"{SERVICE}/addons", f"{JOB}/addons")
    return [
        resource
        for folder in folders
        for resource in resources(site.tree / folder, site.application, site.environment)
    ]


def _kept(resource: Resource) -> Kept:
    what = _WORDS.get(resource.kind, resource.kind)
    if resource.deletion_policy == "Snapshot":
        what = "a last snapshot" if resource.kind not in _WORDS else what
    return Kept(
        resource.name, what, f"{resource.path.parent.parent.name}/addons/{resource.path.name}"
    )
