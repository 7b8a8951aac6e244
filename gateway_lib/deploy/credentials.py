"""Credentials for `copilot env init`, the one command that takes no others than a named profile's.

Without a profile it asks at the terminal, or wants the secret key as an argument, where every process of the
machine sees it. So credentials that come from the environment or a role (CloudShell) are put into a profile
of a private home folder that lasts as long as the command. It also has the `~/.aws/config` without which
the command ends at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_lib.deploy.aws import Aws, AwsError

_NAME = "gateway-deploy"
_OWN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)


@contextmanager
def named_profile(aws: Aws, region: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The profile to name, and the variables with which it is found.

    Raises:
        AwsError: There are no credentials.
    """
    if aws.profile:
        yield aws.profile, {}
        return
    found = aws.session.get_credentials()
    if found is None:
        raise AwsError("there are no AWS credentials")
    keys = found.get_frozen_credentials()
    with tempfile.TemporaryDirectory(prefix="gateway-deploy-") as home:  # mode 0700
        folder = Path(home) / ".aws"
        folder.mkdir(mode=0o700)
        lines = [
            f"aws_access_key_id = {keys.access_key}",
            f"aws_secret_access_key = {keys.secret_key}",
        ]
        lines += [f"aws_session_token = {keys.token}"] if keys.token else []
        _write(folder / "config", [f"[profile {_NAME}]", f"region = {region}"])
        _write(folder / "credentials", [f"[{_NAME}]", *lines])
        yield _NAME, {"HOME": home, "AWS_PROFILE": _NAME, **dict.fromkeys(_OWN, "")}


def _write(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
