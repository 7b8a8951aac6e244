"""Which steps of a deployment are finished, kept between runs so that an interrupted one goes on.

One file for each environment, `.gateway/deploy/<environment>.json`, mode 0600, with no secret in it. It
belongs to an account and a region: in another one nothing is finished. Losing it loses nothing but time,
since what exists is asked of Copilot.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_lib.errors import DeployError

FORMAT = 1


@dataclass
class Progress:
    """The finished steps of one environment."""

    path: Path
    place: str
    """Application, account and region."""
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    """What was read back after the last deployment."""

    @classmethod
    def read(cls, path: Path, place: str) -> Progress:
        """What is known; nothing where the file is missing or of another place.

        Raises:
            DeployError: The file is damaged.
        """
        try:
            text = path.read_text()
        except FileNotFoundError:
            return cls(path, place)
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise ValueError
            if document["place"] != place:
                return cls(path, place)
            return cls(path, place, dict(document["steps"]), dict(document["outputs"]))
        except (ValueError, KeyError, TypeError):
            raise DeployError(
                f"{path} is damaged: remove it, and the next deployment asks Copilot what is there"
            ) from None

    def finished(self, step: str, fingerprint: str) -> bool:
        """Whether the step was done with exactly this."""
        return self.steps.get(step, {}).get("fingerprint") == fingerprint

    def ever(self, step: str) -> bool:
        """Whether the step was done, with whatever."""
        return step in self.steps

    def finish(self, step: str, fingerprint: str) -> None:
        """Note that a step is done; durable when this returns."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.steps[step] = {"fingerprint": fingerprint, "finished": now}
        self._write()

    def forget(self, step: str) -> None:
        """A step begins: what it did before does not count any more."""
        if self.steps.pop(step, None) is not None:
            self._write()

    def keep(self, outputs: Mapping[str, Any]) -> None:
        """Note what was read back."""
        self.outputs = dict(outputs)
        self._write()

    def remove(self) -> None:
        """Forget the environment."""
        self.steps, self.outputs = {}, {}
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        document = {
            "format": FORMAT,
            "place": self.place,
            "steps": self.steps,
            "outputs": self.outputs,
        }
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(document, indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise DeployError(f"{self.path}: {error.strerror}") from None
