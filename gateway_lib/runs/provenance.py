"""Collecting the facts that make a run reproducible: code, packages, machine, gateway."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil

from gateway_lib.clients import gateway_health
from gateway_lib.errors import GatewayError
from gateway_lib.runs.manifest import Gateway, Git, Machine
from gateway_lib.settings import PROJECT_ROOT, Settings


def git_state(root: Path = PROJECT_ROOT) -> Git:
    """Commit and dirty flag of a checkout; nulls where there is no git or no commit."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    try:
        return Git(commit=git("rev-parse", "HEAD"), dirty=bool(git("status", "--porcelain")))
    except (OSError, subprocess.SubprocessError):
        return Git()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock_sha256(root: Path = PROJECT_ROOT) -> str | None:
    """SHA-256 of `requirements.lock`; null when there is none."""
    lock = root / "requirements.lock"
    return file_sha256(lock) if lock.is_file() else None


def package_versions() -> dict[str, str]:
    """Version of every installed distribution, by name."""
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def machine() -> Machine:
    """The machine and its load now."""
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        cores=os.cpu_count(),
        memory_bytes=psutil.virtual_memory().total,
        load_at_start=psutil.getloadavg(),
    )


def public_url(url: str | None) -> str | None:
    """A URL without user, password, query and fragment."""
    if url is None:
        return None
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def gateway_facts(settings: Settings) -> Gateway:
    """What the gateway says of itself; nulls for what it does not say or when it is away."""
    url = public_url(settings.base_url)
    try:
        told = gateway_health(settings)
    except (GatewayError, httpx.HTTPError, ValueError):
        return Gateway(url=url)
    names = {"litellm_version": "litellm", "middleware_version": "middleware"}
    versions = {name: str(told[field]) for field, name in names.items() if told.get(field)}
    hashed = told.get("config_hash")
    return Gateway(url=url, versions=versions, config_hash=str(hashed) if hashed else None)
