"""What the checks look at: the tree, and every manifest as each environment sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.interpolation import APPLICATION, ENVIRONMENT, interpolated
from gateway_lib.deploy.tree.merging import for_environment
from gateway_lib.deploy.tree.nodes import Map, Seq, get, line_at
from gateway_lib.deploy.tree.reading import Tree, Workload
from gateway_lib.deploy.tree.report import Report

SERVICE, JOB = "Load Balanced Web Service", "Scheduled Job"


@dataclass(frozen=True)
class View:
    """One workload in one environment."""

    workload: Workload
    environment: str
    manifest: Map
    """Overrides merged in and variables put in."""
    written: Map
    """The same before variables are put in: what may be shown to people."""

    @property
    def path(self) -> Path:
        """The manifest's file."""
        return self.workload.manifest.path

    @property
    def is_service(self) -> bool:
        """Whether it answers requests, rather than running by the clock."""
        return bool(self.manifest.get("type") == SERVICE)

    def get(self, *parts: str | int) -> Any:
        """The value at a place of the manifest."""
        return get(self.manifest, *parts)

    def line(self, *parts: str | int) -> int:
        """The line of a place, or of what is above it."""
        return line_at(self.manifest, *parts)

    def containers(self) -> Iterator[tuple[str, tuple[str, ...], Map]]:
        """Name, place and section of every container: the main one, then the sidecars.

        The main container's section is `image`, where its health check and port stand.
        """
        image = self.get("image")
        yield self.workload.name, ("image",), image if isinstance(image, Map) else Map()
        sidecars = self.get("sidecars")
        for name, sidecar in sidecars.items() if isinstance(sidecars, Map) else ():
            if isinstance(sidecar, Map):
                yield name, ("sidecars", name), sidecar

    def rules(self) -> list[tuple[tuple[str | int, ...], Map]]:
        """Place and section of every rule of the load balancer, the main one first."""
        http = self.get("http")
        if not isinstance(http, Map):
            return []
        more = http.get("additional_rules")
        found: list[tuple[tuple[str | int, ...], Map]] = [(("http",), http)]
        for number, rule in enumerate(more if isinstance(more, Seq) else []):
            if isinstance(rule, Map):
                found.append((("http", "additional_rules", number), rule))
        return found


@dataclass(frozen=True)
class Context:
    """Everything a check needs."""

    tree: Tree
    variables: Mapping[str, str]
    report: Report
    today: date

    def values(self, environment: str) -> dict[str, str]:
        """What `${NAME}` stands for in manifests of an environment."""
        images = self.tree.images.references if self.tree.images else {}
        own = {APPLICATION: self.tree.application, ENVIRONMENT: environment}
        return {**images, **self.variables, **own}

    @cached_property
    def environments(self) -> dict[str, Map]:
        """The manifests of environments with variables put in."""
        return {
            name: interpolated(manifest.document, self.values(name))
            for name, manifest in self.tree.environments.items()
        }

    @cached_property
    def views(self) -> list[View]:
        """Every workload in every environment."""
        found = []
        for workload in self.tree.workloads.values():
            for environment in self.tree.environments:
                written = for_environment(workload.manifest.document, environment)
                manifest = interpolated(written, self.values(environment))
                found.append(View(workload, environment, manifest, written))
        return found
