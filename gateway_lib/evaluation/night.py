"""One night: a key is made, the notebooks run with it, what they leave goes to S3, the key is deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway_lib.errors import SettingsError
from gateway_lib.evaluation.key import temporary_key
from gateway_lib.evaluation.upload import upload
from gateway_lib.settings import Settings, settings_of

_ADMINISTRATOR = "GATEWAY_MASTER_KEY"


@dataclass(frozen=True)
class Night:
    """What is to be done.

    Attributes:
        settings: Name the gateway and the administrator's key.
        environment: Of the notebooks; the administrator's key is taken out of it.
        notebooks: Names or paths.
        bucket: Where the run folders go.
        budget: Dollars that the night may cost.
    """

    settings: Settings
    environment: Mapping[str, str]
    notebooks: Sequence[str]
    bucket: str
    budget: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Night:
        """The night that an environment describes.

        Raises:
            SettingsError: Something is missing, or cannot be used.
        """
        settings = settings_of(environment)
        settings.gateway()
        settings.admin_key()
        notebooks = environment.get("EVALUATION_NOTEBOOKS", "").split()
        bucket = environment.get("RUNS_BUCKET", "")
        if not notebooks or not bucket:
            raise SettingsError("EVALUATION_NOTEBOOKS and RUNS_BUCKET have to be set")
        try:
            budget = float(environment.get("EVALUATION_BUDGET") or 5)
        except ValueError:
            raise SettingsError("EVALUATION_BUDGET has to be a number of dollars") from None
        rest = {name: value for name, value in environment.items() if name != _ADMINISTRATOR}
        return cls(settings, rest, notebooks, bucket, budget)


def evaluate(night: Night, *, now: datetime | None = None) -> int:
    """Do it. A notebook that fails is a result too: its run folder is kept, the status tells of it.

    Returns:
        The exit status of `gateway run`.

    Raises:
        GatewayUnreachable: The key could not be made or deleted.
        UploadFailed: The run folders could not be kept.
    """
    began = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H%M%SZ")
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        with temporary_key(night.settings, night.budget, f"evaluation-{began}") as key:
            status = _run(night, key, Path(folder))
        count = upload(Path(folder), night.bucket, f"nights/{began}")
    print(f"{count} files in s3://{night.bucket}/nights/{began}/", flush=True)
    return status


def _run(night: Night, key: str, folder: Path) -> int:
    command = [sys.executable, "-m", "gateway_lib", "run", *night.notebooks]
    command += [f"--gateway={night.settings.gateway()}", f"--runs-dir={folder}"]
    # an empty value, since one that is missing could be found in a file .env
    own = {**night.environment, "GATEWAY_API_KEY": key, _ADMINISTRATOR: ""}
    with subprocess.Popen(command, env=own) as process, _stopping(process):
        return process.wait()


@contextmanager
def _stopping(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand SIGTERM on: the first process of a container would not even end by it, and there is more to do."""
    before = signal.signal(signal.SIGTERM, lambda *_: os.kill(process.pid, signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
