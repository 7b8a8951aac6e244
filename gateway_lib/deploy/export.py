"""The way out: the environment as plain CloudFormation, made by Copilot's own `package` commands.

What they write deploys without Copilot. Templates and images are uploaded, so it needs AWS; it changes
nothing that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway_lib.deploy.copilot import Copilot
from gateway_lib.deploy.site import JOB, SERVICE, Site
from gateway_lib.errors import CopilotFailed, DeployError
from gateway_lib.runs.redaction import known_secrets

_INLINE_BYTES = 51_200
"""The largest template that CloudFormation takes without S3."""


@dataclass(frozen=True)
class Exported:
    """One file of the export."""

    path: Path
    bytes: int

    @property
    def through_s3(self) -> bool:
        """Whether CloudFormation takes it from S3 only."""
        return self.path.suffix in (".yml", ".yaml") and self.bytes > _INLINE_BYTES


def commands(site: Site, folder: Path) -> list[tuple[str, ...]]:
    """Copilot's commands for the export, in order."""
    into = ("--upload-assets", "--output-dir", str(folder))
    return [
        ("env", "package", "--name", site.environment, *into),
        ("svc", "package", "--name", SERVICE, "--env", site.environment, *into),
        ("job", "package", "--name", JOB, "--env", site.environment, *into),
    ]


def export(site: Site, copilot: Copilot, folder: Path) -> list[Exported]:
    """Write the environment, the service and the job as CloudFormation, and how to use them.

    Args:
        site: Whose; it has to be deployed.
        copilot: The binary.
        folder: Where to; files of the same names are replaced.

    Raises:
        CopilotFailed: A command failed.
        DeployError: The folder cannot be written, or a file would hold a secret.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeployError(f"{folder}: {error.strerror}") from None
    for arguments in commands(site, folder):
        copilot.run(arguments)
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "README.md")
    if not files:
        raise CopilotFailed(f"Copilot wrote nothing into {folder}")
    _refuse_secrets(site, files)
    exported = [Exported(path, path.stat().st_size) for path in files]
    (folder / "README.md").write_text(_readme(site, exported))
    return exported


def _refuse_secrets(site: Site, files: list[Path]) -> None:
    secrets = known_secrets(site.variables)
    held = [
        path
        for path in files
        if any(secret in path.read_text(errors="replace") for secret in secrets)
    ]
    for path in held:
        path.unlink()
    if held:
        names = ", ".join(path.name for path in held)
        raise DeployError(f"{names} would hold a secret of the environment: removed")


def _readme(site: Site, exported: list[Exported]) -> str:
    large = ", ".join(f"`{file.path.name}`" for file in exported if file.through_s3)
    stack = f"{site.application}-{site.environment}"
    bucket = f"https://BUCKET.s3.{site.region or 'REGION'}.amazonaws.com"
    return f"""# {stack} as CloudFormation

Written by `gateway deploy export`. The stacks are those that run: updating them with these files changes
nothing until you change the files.

| stack | files |
| --- | --- |
| `{stack}` (network, cluster, load balancer, data stores) | `{site.environment}.env.*` |
| `{stack}-{SERVICE}` | `{SERVICE}-{site.environment}.*` |
| `{stack}-{JOB}` | `{JOB}-{site.environment}.*` |

In this order, environment first:

    aws cloudformation create-change-set --stack-name STACK --change-set-name look \\
      --template-url {bucket}/TEMPLATE --parameters file://PARAMETERS \\
      --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND

Look at the change set before you execute it. A template of more than {_INLINE_BYTES:,} bytes is taken from a
bucket only{f"; here that is {large}" if large else ""}. Nested templates, images and functions were uploaded
to the bucket and the registries of the application, which `copilot app delete` would remove: copy them
elsewhere first if you want to be rid of Copilot altogether. The roles `{stack}-EnvManagerRole` and
`{stack}-CFNExecutionRole` are in the environment's stack.
"""
