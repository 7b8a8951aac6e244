"""The base images that Dockerfiles build on, `copilot/images.yaml`, as the manifests get them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway_lib.deploy.tree.loading import load
from gateway_lib.deploy.tree.nodes import Map, line_at
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.findings import Severity

BASE_IMAGES = "images.yaml"
ENTRY = rule(
    "image/entry",
    "Each entry of `copilot/images.yaml` has `image`, `tag` and `digest`, which is null or `sha256:` and 64"
    " hexadecimal digits; nothing else.",
)
UNRESOLVED = rule(
    "image/unresolved",
    "Each base image has its digest; `gateway deploy` resolves those that are null before it deploys.",
    Severity.WARNING,
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Images:
    """The file, read."""

    path: Path
    references: dict[str, str]
    """What stands after `FROM`, by the variable that the manifests take it from."""


def variable(name: str) -> str:
    """The variable that the manifests hand to a Dockerfile as build argument, for an entry of the file."""
    return f"{name.upper().replace('-', '_')}_IMAGE"


def read_images(path: Path, report: Report) -> Images | None:
    """The base images; None where the file is missing or cannot be read."""
    document = load(path, report) if path.is_file() else None
    if document is None:
        return None
    references: dict[str, str] = {}
    for name, entry in document.items():
        line = document.line_of(name)
        if not isinstance(entry, Map) or set(entry) != {"image", "tag", "digest"}:
            problem = f"`{name}` does not have exactly `image`, `tag` and `digest`."
            mend = "Write the three keys; `digest: null` until `gateway deploy` resolves it."
            report.add(ENTRY, path, line, problem, mend)
            continue
        digest, reference = entry["digest"], f"{entry['image']}:{entry['tag']}"
        if digest is None:
            problem = f"`{name}` is not pinned: its tag may mean another image tomorrow."
            mend = "Nothing to write: `gateway deploy` resolves the digest and refuses without it."
            report.add(UNRESOLVED, path, line_at(entry, "digest"), problem, mend, name)
        elif not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            problem = f"The digest of `{name}` is none."
            mend = "Write null and let `gateway deploy` resolve it; a digest is never made up."
            report.add(ENTRY, path, line_at(entry, "digest"), problem, mend, name)
        else:
            reference += f"@{digest}"
        references[variable(name)] = reference
    return Images(path, references)
