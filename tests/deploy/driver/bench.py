"""A checkout to deploy from, a PATH with the stand-ins, and AWS as a local moto server."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from gateway_lib.cli import main
from gateway_lib.settings import PROJECT_ROOT
from tests.conftest import wait_until

PARTS = ("copilot", "config", "docker", "middleware", "gateway_lib", "notebooks")
KEYS = ("ANTHROPIC_API_KEY", "LANGSMITH_API_KEY", "OPENAI_API_KEY")
SECRETS = {
    "OPENAI_API_KEY": "openai-key-of-the-tests-0001",
    "ANTHROPIC_API_KEY": "anthropic-key-of-the-tests-0002",
    "GATEWAY_MASTER_KEY": "sk-another-gateways-master-key",
}
ACCESS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-access-key-0003",
}
DEPLOY = ("deploy", "--target", "dev", "--yes", "--no-prove", "--no-cfn-lint")
MASTER_KEY = "sk-master-key-of-the-tests-0004"


def checkout(into: Path) -> Path:
    """A copy of what is deployed, committed in a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PARTS],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT_ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT_ROOT / name, into / name)
    (into / ".gitignore").write_text(".gateway/\n.env\n__pycache__/\n")
    commit(into, "everything")
    return into


def commit(root: Path, message: str) -> None:
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", message]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str


@dataclass
class Bench:
    """What a test deploys from, and with."""

    root: Path
    programs: Path
    variables: dict[str, str]
    orders: dict = field(default_factory=dict)

    def order(self, **orders) -> None:
        """What the stand-in is to do; without any it does as it should."""
        base = {"provider_keys": KEYS, "master_key": MASTER_KEY}
        (self.programs / "orders.json").write_text(json.dumps({**base, **self.orders, **orders}))

    def calls(self) -> list[dict]:
        path = self.programs / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def commands(self) -> list[str]:
        """What changes something, in order."""
        return [
            " ".join(call["argv"]) for call in self.calls() if call["argv"][1] not in ("ls", "show")
        ]

    def forget_calls(self) -> None:
        (self.programs / "calls.jsonl").unlink(missing_ok=True)

    def gateway(self, *arguments: str, status: int = 0) -> Done:
        """Run the command line in this process, which spares a start of Python for each command."""
        out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
        words = self.command(arguments)
        with (
            patch.dict(os.environ, self.variables, clear=True),
            patch.object(sys, "argv", words),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            os.chdir(self.root)
            try:
                main()
                code: object = 0
            except SystemExit as ended:
                code = ended.code or 0
            finally:
                os.chdir(before)
        done = Done(out.getvalue(), err.getvalue())
        assert code == status, done.stdout + done.stderr
        return done

    def interrupt(self, *arguments: str, number: int = signal.SIGINT) -> tuple[int, str]:
        """Start a command and interrupt it while Copilot is at work."""
        with subprocess.Popen(
            self.command(arguments),
            cwd=self.root,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            wait_until((self.programs / "hanging").exists, 60)
            time.sleep(0.2)
            child.send_signal(number)
            said = child.communicate(timeout=60)[0]
        return child.returncode, said

    def deploy(self, *arguments: str, status: int = 0) -> Done:
        return self.gateway(*DEPLOY, *arguments, status=status)

    def state(self) -> dict:
        path = self.root / ".gateway" / "deploy" / "dev.json"
        return json.loads(path.read_text()) if path.exists() else {"steps": {}}

    def command(self, arguments):
        first, *rest = arguments
        place = ["--root", str(self.root)]
        rest = (
            [rest[0], *place, *rest[1:]]
            if rest and not rest[0].startswith("-")
            else [*place, *rest]
        )
        return [str(Path(sys.executable).with_name("gateway")), first, *rest]


def set_up(folder: Path, moto: str, registry: str, models: str, source: Path) -> Bench:
    """A bench in a folder of its own."""
    root, programs, home = folder / "checkout", folder / "bin", folder / "home"
    shutil.copytree(source, root, symlinks=True)
    for path in (programs, home):
        path.mkdir()
    standin = Path(__file__).with_name("standin.py").read_text()
    executable(programs / "copilot", f"#!{sys.executable}\n{standin}")
    executable(programs / "docker", "#!/bin/sh\necho 28.0.1\n")
    images = root / "copilot" / "images.yaml"
    text = images.read_text()
    for host in ("public.ecr.aws", "ghcr.io"):
        text = text.replace(f"image: {host}/", f"image: {registry}/")
    images.write_text(text)
    commit(root, "images from the tests' registry")
    (root / ".env").write_text(
        textwrap.dedent(f"""\
            OPENAI_API_KEY={SECRETS["OPENAI_API_KEY"]}
            ANTHROPIC_API_KEY={SECRETS["ANTHROPIC_API_KEY"]}
            DOMAIN_NAME=gateway.example.com
            """)
    )
    variables = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PROJECT_ROOT),
        "COLUMNS": "200",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_BEDROCK": models,
        "AWS_BEARER_TOKEN_BEDROCK": "sk-a-gateways-key-not-for-aws",
        "AWS_EC2_METADATA_DISABLED": "true",
        "GATEWAY_MASTER_KEY": SECRETS["GATEWAY_MASTER_KEY"],
        "CERTIFICATE_ARN": "",
        **ACCESS,
    }
    bench = Bench(root, programs, variables)
    bench.order()
    return bench
