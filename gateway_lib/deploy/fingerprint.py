"""A hash of what a deployment step deploys: equal means that running it again would change nothing.

It covers the files and the variables that the step reads, never a secret.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.deploy.site import Site, variables_in

_LEFT_OUT = {"__pycache__", ".venv", "node_modules", ".git", ".gateway", "runs"}


def of_environment(site: Site, variables: Mapping[str, str]) -> str:
    """What `env deploy` deploys: its manifest, the addons and the overrides of all environments."""
    folder = site.tree / "environments"
    manifest = folder / site.environment / "manifest.yml"
    parts = [manifest, folder / "addons", folder / "overrides"]
    return _hash(site.root, parts, _taken(manifest, variables))


def of_workload(site: Site, name: str, variables: Mapping[str, str], also: str = "") -> str:
    """What `svc deploy` or `job deploy` deploys: manifest, addons, overrides and what its images are made of.

    Args:
        site: Where to.
        name: The workload.
        variables: Those that Copilot gets.
        also: Anything else that has to be deployed anew when it changes.
    """
    folder = site.tree / name
    manifest = folder / "manifest.yml"
    sources = list(_sources(site.root, manifest))
    return _hash(site.root, [folder, *sources], {**_taken(manifest, variables), "": also})


def _taken(manifest: Path, variables: Mapping[str, str]) -> dict[str, str]:
    return {name: variables.get(name, "") for name in variables_in(manifest)}


def _hash(root: Path, parts: Iterable[Path], variables: Mapping[str, str]) -> str:
    files = sorted({file for part in parts for file in _files(part)})
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(root)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    for name, value in sorted(variables.items()):
        total.update(f"{name}={value}\0".encode())
    return total.hexdigest()


def _files(part: Path) -> list[Path]:
    """Files below a path, as git sees them where it can say: what it ignores is in no image."""
    if part.is_file():
        return [part]
    if not part.is_dir():
        return []
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],
        cwd=part,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        named = [part / name for name in listed.stdout.split("\0") if name]
    else:
        named = [path for path in part.rglob("*") if not _LEFT_OUT & set(path.parts)]
    return [path for path in named if path.is_file()]


def _sources(root: Path, manifest: Path) -> Iterator[Path]:
    """The Dockerfiles of a manifest, and what they copy from the checkout."""
    for build in _builds(manifest):
        dockerfile = root / build.get("dockerfile", "Dockerfile")
        context = root / build.get("context", str(dockerfile.parent.relative_to(root)))
        yield dockerfile
        yield context / ".dockerignore"
        if dockerfile.is_file():
            for name in _copied(dockerfile.read_text()):
                yield from context.glob(name) if name not in (".", "./") else [context]


def _builds(manifest: Path) -> Iterator[dict[str, str]]:
    try:
        document: Any = yaml.safe_load(manifest.read_text())
    except (OSError, yaml.YAMLError):
        return  # validate reports it, with the line
    if not isinstance(document, dict):
        return
    sidecars = document.get("sidecars") or {}
    for container in (document, *sidecars.values()):
        image = container.get("image") if isinstance(container, dict) else None
        build = image.get("build") if isinstance(image, dict) else None
        if isinstance(build, str):
            yield {"dockerfile": build}
        elif isinstance(build, dict):
            yield {name: build[name] for name in ("dockerfile", "context") if name in build}


def _copied(dockerfile: str) -> Iterator[str]:
    """Sources of COPY and ADD, but not those from other stages."""
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = line.split()
        if not words or words[0].upper() not in ("COPY", "ADD"):
            continue
        options = [word for word in words[1:] if word.startswith("--")]
        if not any(option.startswith("--from=") for option in options):
            names = [word for word in words[1:] if not word.startswith("--")]
            yield from (name.strip("/") or "." for name in names[:-1])
