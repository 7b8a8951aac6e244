"""Deploying to AWS: preflight, lint, validate, cost and plan; then Copilot's commands, and the proof."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway_lib.deploy import aws_checks, cost, images, inventory, keys, outputs, plan, preflight
from gateway_lib.deploy.aws import Aws, AwsError, told
from gateway_lib.deploy.check import Check
from gateway_lib.deploy.copilot import Copilot, environment_for
from gateway_lib.deploy.deployment import Outcome, Prepared, Report, checked_files, refuse, silent
from gateway_lib.deploy.driver import Driver
from gateway_lib.deploy.prices import read_prices
from gateway_lib.deploy.progress import Progress
from gateway_lib.deploy.proof import MODEL, LogBucket, Proof
from gateway_lib.deploy.site import Site
from gateway_lib.errors import CopilotFailed, DeployError
from gateway_lib.settings import settings_of

STATE_FOLDER = Path(".gateway") / "deploy"
_FIRST_WAIT_SECONDS = 300.0
"""For the first answer: DNS spreads, and the first start migrates two databases."""


@dataclass(frozen=True)
class Found:
    """What preparing found out, for applying."""

    preflight: preflight.Preflight
    environment: dict[str, str]
    progress: Progress | None = None
    copilot: Copilot | None = None

    def ready(self) -> tuple[Aws, Copilot, Progress]:
        """All that acts, which is there where the preflight did not refuse."""
        aws = self.preflight.aws
        if aws is None or self.copilot is None or self.progress is None:
            raise DeployError("Copilot and AWS credentials are needed")
        return aws, self.copilot, self.progress


@dataclass(frozen=True)
class AwsDeployment:
    """A deployment to an environment on AWS.

    Attributes:
        site: Which.
        report: Takes a line for people at a time.
        own_prices: A price list to lay over the built-in one.
        model: What the proof calls.
        wait_s: How long the gateway may take to answer after a deployment.
        cfn_lint: Whether validate runs cfn-lint too, which takes seconds.
    """

    site: Site
    report: Report = silent
    own_prices: Path | None = None
    model: str = MODEL
    wait_s: float = _FIRST_WAIT_SECONDS
    cfn_lint: bool = True

    def prepare(self) -> Prepared:
        """Look at everything, and change nothing; it works without AWS and without Copilot.

        Raises:
            DeployError: The tree or the price list cannot be read at all.
        """
        looked = preflight.run(self.site)
        found = self._found(looked)
        there = self._inventory(found.copilot)
        checks = looked.checks
        if there is None or self.site.environment not in there.environments:
            checks = (*checks, aws_checks.quotas(looked.aws if looked.identity else None))
        given = self._for_validation(found.environment, looked)
        lint, tree = checked_files(self.site, given, cfn_lint=self.cfn_lint)
        return Prepared(
            site=self.site,
            checks=checks,
            lint=tuple(lint),
            tree=tuple(tree),
            estimate=cost.estimate(self.site, read_prices(self.site.root, self.own_prices)),
            steps=tuple(plan.make(self.site, found.environment, found.progress, there)),
            found=found,
        )

    def apply(self, prepared: Prepared, *, prove: bool = True) -> Outcome:
        """Deploy what is not deployed yet, read back where it is, and prove that it works.

        Raises:
            PreflightFailed: Something that it needs is missing; nothing was done.
            TreeInvalid: Lint or validate found faults; nothing was done.
            CopilotFailed: A command failed; deploying again goes on with it.
            DeployInterrupted: Ctrl-C or SIGTERM came; deploying again goes on.
        """
        prepared.refuse()
        found: Found = prepared.found
        aws, copilot, progress = found.ready()
        with self.alone():
            written = images.write_digests(self.site.tree / "images.yaml", found.preflight.images)
            if written:
                self.report(
                    f"digests of {', '.join(written)} written to copilot/images.yaml: commit it"
                )
            driver = Driver(self.site, copilot, aws, progress, self.report)
            ran = driver.run(prepared.steps)
            deployed = outputs.read_back(self.site, copilot, aws)
            progress.keep(deployed.document())
        self.report(f"the gateway is at {deployed.url}")
        if deployed.load_balancer:
            self.report(f"{self.site.domain} has to point at {deployed.load_balancer} (CNAME)")
        proof = self._prove(deployed, copilot, aws) if prove else []
        return Outcome(tuple(ran), deployed.url, deployed.document(), tuple(proof))

    def tools(self) -> tuple[Aws, Copilot, Progress]:
        """Copilot and AWS, for what is not a deployment.

        Raises:
            PreflightFailed: One of them is not there.
        """
        looked = preflight.basics(self.site)
        refuse(looked.checks)
        return self._found(looked).ready()

    def _found(self, looked: preflight.Preflight) -> Found:
        pinned = images.image_variables(looked.images)
        environment = environment_for(self.site.variables, self.site.wanted(), self._own(pinned))
        if looked.identity is None:
            return Found(looked, environment)
        path = self.site.root / STATE_FOLDER / f"{self.site.environment}.json"
        place = f"{self.site.application} in {looked.identity.account} {self.site.region}"
        return Found(
            looked, environment, Progress.read(path, place), self._copilot(looked, environment)
        )

    def _own(self, pinned: dict[str, str]) -> dict[str, str]:
        """Variables that the driver sets."""
        return {**pinned, **({"AWS_REGION": self.site.region} if self.site.region else {})}

    def _for_validation(
        self, environment: dict[str, str], looked: preflight.Preflight
    ) -> dict[str, str]:
        """The same with base images by tag where there is no digest: that is the preflight's to say."""
        return {**{image.variable: image.reference for image in looked.images}, **environment}

    def _copilot(self, looked: preflight.Preflight, environment: dict[str, str]) -> Copilot | None:
        if looked.binary is None:
            return None
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        log = self.site.root / STATE_FOLDER / f"{self.site.environment}-{now}.log"
        return Copilot(looked.binary, self.site.root, environment, self.report, log)

    def _inventory(self, copilot: Copilot | None) -> inventory.Inventory | None:
        if copilot is None:
            return None
        try:
            return inventory.take(copilot, self.site)
        except CopilotFailed as error:
            self.report(str(error))
            return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One deployment of an environment at a time, from this checkout."""
        folder = self.site.root / STATE_FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(
                folder / f"{self.site.environment}.lock", os.O_WRONLY | os.O_CREAT, 0o600
            )
        except OSError as error:
            raise DeployError(f"{folder}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise DeployError(
                f"{self.site.environment} is being deployed from this checkout already; wait for it"
            ) from None
        try:
            yield
        finally:
            os.close(lock)

    def _prove(self, deployed: outputs.Outputs, copilot: Copilot, aws: Aws) -> list[Check]:
        known = {
            "GATEWAY_BASE_URL": deployed.url,
            "GATEWAY_MASTER_KEY": _master_key(self.site, aws),
            "AWS_REGION": self.site.region,
            "GATEWAY_CA_BUNDLE": self.site.given("GATEWAY_CA_BUNDLE"),
        }
        bucket = deployed.call_logs
        proof = Proof(
            settings_of(known),
            committed_hash(self.site.root),
            self.model,
            LogBucket(bucket, lambda since: _newest(aws, bucket, since)) if bucket else None,
            self.wait_s,
        )
        return proof.run(lambda check: self.report(f"{check.state}: {check}"))


def _master_key(site: Site, aws: Aws) -> str:
    name = keys.export_of(site, "MasterKey")
    arn = aws.exports().get(name)
    if arn is None:
        raise AwsError(f"no stack exports {name}, the administrator's key")
    with told("Secrets Manager"):
        return str(aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def _newest(aws: Aws, bucket: str, since: float) -> str | None:
    """Key of an object that was written at or after a time."""
    with told("S3"):
        pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for page in pages:
            for entry in page.get("Contents", []):
                if entry["LastModified"].timestamp() >= int(since):
                    return str(entry["Key"])
    return None


def committed_hash(root: Path) -> str:
    """The hash of the configuration as the images are built with it, made by the same program.

    Raises:
        DeployError: The program fails; lint says why.
    """
    program = root / "docker" / "config_hash.py"
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise DeployError(f"{program}: {last[0]}")
    return done.stdout.strip()
