"""What images are built from: Dockerfiles that exist, on bases that are pinned."""

from __future__ import annotations

import re
from pathlib import Path

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.interpolation import VARIABLE
from gateway_lib.deploy.tree.nodes import Map, get
from gateway_lib.deploy.tree.rule import rule

DOCKERFILE = rule(
    "image/dockerfile",
    "The Dockerfile and the context of a build exist; both paths count from the project's root.",
)
LITERAL = rule(
    "image/literal-base",
    "A Dockerfile names no base image itself: `FROM ${NAME_IMAGE}`, an argument that the manifest sets from"
    " `copilot/images.yaml`.",
)
ARGUMENT = rule(
    "image/argument",
    "The manifest gives a Dockerfile the argument of each of its base images, from `copilot/images.yaml`.",
)
LOCATION = rule("image/location", "An image that is not built here is pinned by its digest.")
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.I)
_ARGUMENT = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")


def check(context: Context) -> None:
    """Look at the image of every container in every environment."""
    for view in context.views:
        for name, place, section in view.containers():
            image = section if place == ("image",) else section.get("image")
            at: tuple[str, ...] = place if place == ("image",) else (*place, "image")
            if isinstance(image, str):
                _location(context, view, image, at)
            elif isinstance(image, Map):
                if isinstance(image.get("location"), str):
                    _location(context, view, image["location"], (*at, "location"))
                if "build" in image:
                    _build(context, view, name, image["build"], (*at, "build"))


def _location(context: Context, view: View, image: str, at: tuple[str, ...]) -> None:
    if not _PINNED.search(image):
        problem = "This image is named without its digest: what it means may change any day."
        mend = "Add @sha256:... to it, or build it here on a base of copilot/images.yaml."
        context.report.add(LOCATION, view.path, view.line(*at), problem, mend)


def _build(context: Context, view: View, name: str, build: object, at: tuple[str, ...]) -> None:
    dockerfile = build if isinstance(build, str) else get(build, "dockerfile")
    folder = get(build, "context")
    if not isinstance(dockerfile, str):
        dockerfile = f"{folder}/Dockerfile" if isinstance(folder, str) else "Dockerfile"
    where = (*at, "dockerfile") if isinstance(build, Map) else at
    path = context.tree.root / dockerfile
    if not path.is_file():
        problem = f"There is no Dockerfile {dockerfile}, of which `{name}` is built."
        mend = "Write the path from the project's root."
        context.report.add(DOCKERFILE, view.path, view.line(*where), problem, mend)
        return
    if isinstance(folder, str) and not (context.tree.root / folder).is_dir():
        problem = f"There is no folder {folder} to build `{name}` in."
        line = view.line(*at, "context")
        mend = "Write the path from the project's root."
        context.report.add(DOCKERFILE, view.path, line, problem, mend, "context")
    given = get(view.written, *at, "args")
    _bases(context, view, path, given if isinstance(given, Map) else Map(), (*at, "args"))


def _bases(context: Context, view: View, path: Path, given: Map, at: tuple[str, ...]) -> None:
    stages: set[str] = set()
    known = context.tree.images.references if context.tree.images else {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = _FROM.match(line)
        if not match:
            continue
        base, stage = match[1], match[2]
        names = _ARGUMENT.findall(base)
        if base.lower() != "scratch" and base not in stages and not names:
            problem = (
                f"The base image {base} stands in the Dockerfile itself, where nobody pins it."
            )
            mend = (
                "Add it to copilot/images.yaml and write `ARG NAME_IMAGE` and `FROM ${NAME_IMAGE}`."
            )
            context.report.add(LITERAL, path, number, problem, mend)
        for name in names:
            value = given.get(name)
            sources = VARIABLE.findall(value) if isinstance(value, str) else []
            if not sources or any(source not in known for source in sources):
                problem = f"{path.name} builds on ${{{name}}}, which this manifest does not set from a base"
                problem += " image of copilot/images.yaml."
                mend = f"Write `args: {{{name}: ${{{name}}}}}`, and name the image there."
                context.report.add(ARGUMENT, view.path, view.line(*at, name), problem, mend, name)
        if stage:
            stages.add(stage)
