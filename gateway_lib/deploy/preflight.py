"""What has to be there before anything is paid for: each with what was found and what to do about it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway_lib.config.layers import whole
from gateway_lib.deploy import aws_checks, copilot, images
from gateway_lib.deploy.aws import Aws, AwsError, Identity
from gateway_lib.deploy.check import Check, failed, ok, unknown
from gateway_lib.deploy.site import Site, Target, configuration_of
from gateway_lib.errors import ConfigurationError, DeployError

_GRACE_SECONDS = 15


@dataclass(frozen=True)
class Preflight:
    """The checks, and what they found out on the way."""

    checks: tuple[Check, ...]
    binary: Path | None = None
    aws: Aws | None = None
    identity: Identity | None = None
    images: tuple[images.BaseImage, ...] = field(default=())


def run(site: Site) -> Preflight:
    """Look at everything that a deployment to AWS needs. Nothing is changed, and nothing costs."""
    found = basics(site)
    aws = found.aws if found.identity and site.region else None
    pinned, base_images = _base_images(site)
    checks = (
        *found.checks,
        _docker(),
        aws_checks.certificate(site, aws),
        aws_checks.model_access(_bedrock_models(site), aws),
        base_images,
        _committed(site),
    )
    return replace(found, checks=checks, images=pinned)


def basics(site: Site) -> Preflight:
    """Copilot, credentials and region: what every command of Copilot's needs."""
    binary = copilot.find()
    aws, identity, credentials = _credentials(site)
    checks = (*_copilot(binary), credentials, _region(site))
    return Preflight(checks, binary, aws, identity, tuple(_read_images(site)))


def _copilot(binary: Path | None) -> Iterator[Check]:
    name, about = "Copilot", "Copilot's version"
    if binary is None:
        yield unknown(name, "`copilot` is not on PATH", copilot.INSTALL)
        yield unknown(about, "not asked, without it", "")
        return
    yield ok(name, str(binary))
    said = _said([str(binary), "--version"])
    version = re.search(r"\bv?(\d+\.\d+\.\d+)\b", said or "")
    if version is None:
        yield unknown(about, "`copilot --version` does not say", copilot.INSTALL)
    elif version[1] != copilot.VERSION:
        yield failed(about, f"v{version[1]}, not v{copilot.VERSION}", copilot.INSTALL)
    else:
        yield ok(about, f"v{version[1]}, the last one; out of support since 2026-06-12")


def _docker() -> Check:
    name = "Docker"
    mend = "install and start Docker: Copilot builds the images with it"
    if shutil.which("docker") is None:
        return unknown(name, "`docker` is not on PATH", mend)
    said = _said(["docker", "info", "--format", "{{.ServerVersion}}"])
    if said is None:
        return failed(name, "`docker info` does not answer", mend)
    return ok(name, f"version {said.strip()[:40]}")


def _said(command: list[str]) -> str | None:
    """What a command prints; None where it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_GRACE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _credentials(site: Site) -> tuple[Aws | None, Identity | None, Check]:
    name = "AWS credentials"
    mend = "sign in (`aws sso login`, `aws configure`), or name a profile with AWS_PROFILE"
    try:
        aws = Aws(site)
        if aws.session.get_credentials() is None:
            return aws, None, unknown(name, "there are none", mend)
        if not site.region:
            return aws, None, unknown(name, "not tried, without a region", "set AWS_REGION")
        identity = aws.identity()
    except AwsError as error:
        return None, None, failed(name, str(error), mend)
    source = f"profile {aws.profile}" if aws.profile else "environment or role"
    return aws, identity, ok(name, f"{identity.arn} ({source})")


def _region(site: Site) -> Check:
    if not site.region:
        return unknown("region", "AWS_REGION is not set", "set AWS_REGION in .env")
    return ok("region", site.region)


def _bedrock_models(site: Site) -> list[str]:
    """Bedrock's models of the configuration that is deployed."""
    try:
        document = whole(configuration_of(site.root))
    except ConfigurationError:
        return []  # lint reports it
    named = [
        str((entry.get("litellm_params") or {}).get("model", ""))
        for entry in document.get("model_list") or []
        if isinstance(entry, dict)
    ]
    models = (name.partition("/")[2] for name in named if name.startswith("bedrock/"))
    return [model.rpartition("/")[2] for model in models if not model.startswith("arn:")]


def _read_images(site: Site) -> list[images.BaseImage]:
    try:
        return images.read_images(site.tree / "images.yaml")
    except DeployError:
        return []  # the check of base images reports it


def _base_images(site: Site) -> tuple[tuple[images.BaseImage, ...], Check]:
    name, path = "base images", site.tree / "images.yaml"
    try:
        listed = images.read_images(path)
    except DeployError as error:
        return (), failed(name, str(error), "take the file from the repository")
    found, missing = images.resolve(listed)
    if missing:
        why = "; ".join(f"{image}: {reason}" for image, reason in missing.items())
        mend = "`gateway deploy images` where the registries can be reached writes them; commit the file"
        return tuple(found), unknown(name, f"no digest of {why}", mend)
    fresh = [new.name for old, new in zip(listed, found, strict=True) if old != new]
    if fresh:
        words = f"digests of {', '.join(fresh)} had from the registries, not yet in images.yaml"
        return tuple(found), replace(
            ok(name, words), mend="a deployment writes them; commit the file"
        )
    return tuple(found), ok(name, f"{len(found)} pinned by digest")


def _committed(site: Site) -> Check:
    """Whether what would be deployed is what is committed."""
    name = "committed"
    try:
        done = subprocess.run(
            [
                "git",
                "status",
                "--porcelain",
                "--",
                "copilot",
                "config",
                "middleware",
                "gateway_lib",
            ],
            cwd=site.root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return unknown(name, "git is not there", "install git", needed=False)
    if done.returncode:
        return unknown(name, "this is no git checkout", "deploy from one", needed=False)
    changed = [line[3:] for line in done.stdout.splitlines()]
    if not changed:
        return ok(name, "what would be deployed is what is committed")
    words = f"{len(changed)} files differ from the commit: {', '.join(changed[:4])}"
    words += " ..." if len(changed) > 4 else ""
    if site.target is Target.PROD:
        return failed(name, words, "commit them, so that what runs can be found again")
    return unknown(name, words, "commit them before prod", needed=False)
