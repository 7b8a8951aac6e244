"""The tree as it lies on the disk: what `copilot` would read, with the line of everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway_lib.deploy.tree.addons import Addons, read_addons
from gateway_lib.deploy.tree.images import BASE_IMAGES, Images, read_images
from gateway_lib.deploy.tree.loading import load
from gateway_lib.deploy.tree.nodes import Map, Seq
from gateway_lib.deploy.tree.report import Report
from gateway_lib.deploy.tree.rule import rule

TREE = rule(
    "tree/missing",
    "There is a `copilot` folder with `.workspace`, an environment and a workload; a folder with addons or"
    " overrides has a manifest.",
)
_SUFFIXES = ("yml", "yaml")


@dataclass(frozen=True)
class Manifest:
    """One manifest."""

    name: str
    """Of the folder it stands in."""
    path: Path
    document: Map


@dataclass(frozen=True)
class Patches:
    """YAML patches of what Copilot renders."""

    path: Path
    operations: list[object]
    lines: list[int]


@dataclass(frozen=True)
class Workload:
    """A service or a job."""

    manifest: Manifest
    patches: Patches | None
    addons: Addons | None

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.manifest.name


@dataclass(frozen=True)
class Tree:
    """Everything below `copilot/`."""

    root: Path
    """The project, which Dockerfiles and build contexts count from."""
    folder: Path
    application: str
    environments: dict[str, Manifest] = field(default_factory=dict)
    patches: Patches | None = None
    """Of environments; Copilot has one file for all of them."""
    addons: Addons | None = None
    """Of environments; one folder for all of them."""
    workloads: dict[str, Workload] = field(default_factory=dict)
    images: Images | None = None


def read_tree(root: Path, report: Report) -> Tree:
    """Read the tree of a project; what cannot be read is missing from it and told in the report."""
    folder = root / "copilot"
    if not folder.is_dir():
        problem = f"There is no folder `copilot` in {root}."
        report.add(TREE, folder, 0, problem, "Name the folder that has it: gateway validate PATH.")
        return Tree(root, folder, "")
    tree = Tree(
        root,
        folder,
        _application(folder, report),
        patches=_patches(folder / "environments" / "overrides", report),
        addons=read_addons(folder / "environments" / "addons", report),
        images=read_images(folder / BASE_IMAGES, report),
    )
    for place in _folders(folder / "environments"):
        if place.name not in ("addons", "overrides") and (made := _manifest(place, report)):
            tree.environments[place.name] = made
    for place in _folders(folder):
        if place.name != "environments" and (manifest := _manifest(place, report)):
            patches = _patches(place / "overrides", report)
            addons = read_addons(place / "addons", report)
            tree.workloads[place.name] = Workload(manifest, patches, addons)
    if not tree.environments:
        report.add(
            TREE,
            folder / "environments",
            0,
            "There is no environment.",
            "Write copilot/environments/<name>/manifest.yml.",
        )
    if not tree.workloads:
        mend = "Write copilot/<name>/manifest.yml."
        report.add(TREE, folder, 0, "There is no service and no job.", mend)
    return tree


def _application(folder: Path, report: Report) -> str:
    path = folder / ".workspace"
    if not path.is_file():
        problem = "There is no `.workspace`, so Copilot does not know the application."
        report.add(TREE, path, 0, problem, "Write `application: genai-gateway` into it.")
        return ""
    document = load(path, report)
    name = document.get("application") if document is not None else ""
    if not isinstance(name, str) or not name:
        if document is not None:
            problem = "This file does not name the application."
            report.add(TREE, path, 1, problem, "Write `application: genai-gateway`.")
        return ""
    return name


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _manifest(place: Path, report: Report) -> Manifest | None:
    path = _existing(place, "manifest")
    if path is None:
        if (place / "addons").is_dir() or (place / "overrides").is_dir():
            problem = (
                f"`{place.name}` has addons or overrides and no manifest, so nothing uses them."
            )
            mend = "Write its manifest.yml, or give the folder the name of the workload."
            report.add(TREE, place / "manifest.yml", 0, problem, mend)
        return None
    document = load(path, report)
    return Manifest(place.name, path, document) if document is not None else None


def _patches(folder: Path, report: Report) -> Patches | None:
    path = _existing(folder, "cfn.patches")
    if path is None:
        return None
    wrapped = load(path, report, template=True, top="patches")
    found = wrapped["patches"] if wrapped is not None else None
    if not isinstance(found, Seq):
        return None
    return Patches(path, list(found), list(found.lines))


def _existing(folder: Path, name: str) -> Path | None:
    paths = [folder / f"{name}.{suffix}" for suffix in _SUFFIXES]
    return next((path for path in paths if path.is_file()), None)
