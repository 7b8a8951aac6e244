"""Running the `copilot` binary that is on the user's PATH.

It gets the variables it needs and no others, and nothing secret in its arguments. It runs in a process group
of its own: Ctrl-C is handed to it once, and then waited for, because Copilot takes its change to the stack
back when it is interrupted. It may end with status 0 after that, so an interrupted step is never done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_lib.errors import CopilotFailed, DeployInterrupted
from gateway_lib.runs.interruption import interruptible
from gateway_lib.runs.redaction import Redactor, known_secrets

VERSION = "1.34.1"
"""The last release, and the one that the tree is written for."""
INSTALL = (
    f"install v{VERSION}: https://github.com/aws/copilot-cli/releases/tag/v{VERSION}"
    " (binary `copilot` on PATH)"
)

_LAST_LINES = 12
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b\x0c\x0e-\x1f]")
_KEPT = re.compile(
    r"(?i)PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TERM|XDG_\w+|DOCKER_\w+|BUILDKIT_\w+"
    r"|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|SSH_AUTH_SOCK"
    r"|AWS_(?!BEARER_TOKEN|ENDPOINT_URL_BEDROCK)\w+"
)
"""What a program needs to find its way, Docker, the network and AWS. No model provider's key is among it."""
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def environment_for(
    variables: Mapping[str, str], wanted: Sequence[str], also: Mapping[str, str]
) -> dict[str, str]:
    """The environment of Copilot's process.

    Args:
        variables: The user's, with secrets among them.
        wanted: Names that the manifests take from the shell.
        also: Variables that the driver sets, such as the base images.

    Raises:
        CopilotFailed: A manifest wants a secret, which would then stand in the template.
    """
    mine = {name: value for name, value in variables.items() if _KEPT.fullmatch(name)}
    asked = {name: variables[name] for name in wanted if name in variables}
    secret = [name for name, value in asked.items() if known_secrets({name: value})]
    if secret:
        raise CopilotFailed(
            f"the manifests take {', '.join(secret)} from the shell, which would put a secret into"
            " the template: use the secret of the environment (from_cfn) instead"
        )
    return {**mine, **asked, **also, "CI": "true", "COLOR": "false"}


def find() -> Path | None:
    """The binary on PATH."""
    found = shutil.which("copilot")
    return Path(found) if found else None


@dataclass
class Copilot:
    """The binary, ready to run commands in the checkout.

    Attributes:
        binary: Where it is.
        root: The checkout, whose `copilot/` it reads.
        environment: All that it gets of the user's environment.
        report: Takes what it prints, line by line, with secrets blanked.
        log: Where that is kept too.
    """

    binary: Path
    root: Path
    environment: Mapping[str, str]
    report: Callable[[str], None] = lambda line: None
    log: Path | None = None
    _guard: Redactor = field(init=False)

    def __post_init__(self) -> None:
        secrets = {name: self.environment.get(name, "") for name in _CREDENTIALS[1:]}
        self._guard = Redactor(known_secrets(secrets))

    def run(self, arguments: Sequence[str], **extra: str) -> None:
        """Run a command and report what it prints as it prints it.

        Args:
            arguments: What stands after `copilot`.
            extra: Variables for this command alone.

        Raises:
            CopilotFailed: It ended with another status than 0.
            DeployInterrupted: Ctrl-C or SIGTERM came; Copilot has been waited for.
        """
        last: deque[str] = deque(maxlen=_LAST_LINES)
        with subprocess.Popen(
            [self.binary, *arguments],
            cwd=self.root,
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as child:
            interrupted = self._follow(child, last)
        if interrupted:
            raise DeployInterrupted(
                f"interrupted during `{shown(arguments)}`; deploy again to go on with that step"
            )
        if child.returncode:
            raise CopilotFailed(_told(arguments, child.returncode, last))

    def ask(self, arguments: Sequence[str]) -> str:
        """What a command that only looks prints on stdout.

        Raises:
            CopilotFailed: It ended with another status than 0.
        """
        done = subprocess.run(
            [self.binary, *arguments],
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
        )
        if done.returncode:
            lines = self._guard.text(done.stderr or done.stdout).strip().splitlines()
            raise CopilotFailed(_told(arguments, done.returncode, lines[-_LAST_LINES:]))
        return done.stdout

    def ask_json(self, arguments: Sequence[str]) -> dict[str, Any]:
        """The same for a command with `--json`.

        Raises:
            CopilotFailed: It failed, or printed no JSON object.
        """
        text = self.ask([*arguments, "--json"])
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CopilotFailed(f"`{shown(arguments)} --json` printed no JSON object")
        return found

    def _follow(self, child: subprocess.Popen[str], last: deque[str]) -> bool:
        """Report lines until the child ends; whether Ctrl-C came. The second one ends it at once."""
        times = 0
        with interruptible():
            while True:
                try:
                    self._read(child, last)
                    child.wait()
                    return times > 0
                except KeyboardInterrupt:
                    times += 1
                    if times == 1:
                        self._say(
                            "interrupted: Copilot takes its change back, which may take minutes"
                        )
                        self._say("(again: leave it at once, in whatever state it is)")
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGINT if times == 1 else signal.SIGKILL)

    def _read(self, child: subprocess.Popen[str], last: deque[str]) -> None:
        for raw in child.stdout or ():
            line = self._guard.text(_CONTROL.sub("", raw.rsplit("\r", 1)[-1])).rstrip()
            if line:
                last.append(line)
                self._say(line)

    def _say(self, line: str) -> None:
        if self.log is not None:
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        self.report(line)


def shown(arguments: Sequence[str]) -> str:
    """A command as a person would type it."""
    words = (f'"{word}"' if " " in word else word for word in ("copilot", *map(str, arguments)))
    return " ".join(words)


_ADVICE = (
    (
        r"(?i)expired ?token|token .*expired|sso session",
        "sign in again (`aws sso login`), then deploy again",
    ),
    (
        r"(?i)access ?denied|not authorized|unauthorized ?operation",
        "the credentials lack a permission that the last lines name; deploy again with ones that have it",
    ),
    (
        r"(?i)docker|daemon|buildkit",
        "start Docker (`docker info` must answer), then deploy again",
    ),
    (
        r"(?i)rollback|roll(?:ed|ing)? back",
        "CloudFormation took the change back. Its first failed event says why: `copilot svc logs` shows"
        " the container, the stack's events in the console the rest; mend that and deploy again",
    ),
    (
        r"(?i)already exists",
        "something of that name is there from before: remove it, or take it over in the console,"
        " then deploy again",
    ),
    (
        r"(?i)limit ?exceeded|quota|maximum number",
        "a service quota is used up: raise it in Service Quotas, then deploy again",
    ),
)
_OTHERWISE = "mend what the last lines say and deploy again; finished steps are not repeated"


def _told(arguments: Sequence[str], status: int, last: Sequence[str]) -> str:
    text = "\n".join(last)
    advice = next((words for sign, words in _ADVICE if re.search(sign, text)), _OTHERWISE)
    quoted = "\n".join(f"  | {line}" for line in last) or "  | (it printed nothing)"
    return f"`{shown(arguments)}` ended with status {status}. Its last lines:\n{quoted}\n{advice}"
