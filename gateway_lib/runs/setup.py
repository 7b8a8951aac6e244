"""What differs between two runs besides what they found: parameters, versions, configuration, machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_lib.runs.manifest import Manifest

_MACHINE = ("system", "python", "cores")


@dataclass(frozen=True)
class Changed:
    """Something that was one thing in the first run and another in the second; null where unknown.

    Attributes:
        kind: `notebook`, `parameter`, `gateway`, `code`, `package` or `machine`.
        what: Its name.
        before: In the first run.
        after: In the second.
    """

    kind: str
    what: str
    before: Any
    after: Any


def changed(before: Manifest, after: Manifest) -> list[Changed]:
    """What differs between the set-ups of two runs, the weightiest first."""
    return [
        *_of("notebook", _notebook(before), _notebook(after)),
        *_of("parameter", before.parameters.effective, after.parameters.effective),
        *_of("gateway", _gateway(before), _gateway(after)),
        *_of("code", _code(before), _code(after)),
        *_of("machine", _machine(before), _machine(after)),
        *_of("package", before.packages, after.packages),
    ]


def _of(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Changed]:
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield Changed(kind, name, before.get(name), after.get(name))


def _notebook(manifest: Manifest) -> dict[str, Any]:
    return {"name": manifest.notebook, "sha256": manifest.notebook_sha256}


def _gateway(manifest: Manifest) -> dict[str, Any]:
    told = manifest.gateway
    return {"url": told.url, "configuration": told.config_hash, **told.versions}


def _code(manifest: Manifest) -> dict[str, Any]:
    git = manifest.git
    return {
        "commit": git.commit,
        "uncommitted changes": git.dirty,
        "requirements.lock": manifest.lock_sha256,
    }


def _machine(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest.machine, name) for name in _MACHINE}
