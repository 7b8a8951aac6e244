"""The base images of our containers, `copilot/images.yaml`: which, and pinned to which digest.

A tag may mean another image tomorrow, a digest never does. Digests come from the registries and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from gateway_lib.deploy.registry import RegistryError, Repository
from gateway_lib.deploy.tree.images import DIGEST, variable
from gateway_lib.errors import DeployError


@dataclass(frozen=True)
class BaseImage:
    """One entry of the file."""

    name: str
    image: str
    tag: str
    digest: str | None

    @property
    def variable(self) -> str:
        """The variable that the manifests hand to the Dockerfile as build argument."""
        return variable(self.name)

    @property
    def reference(self) -> str:
        """What stands after `FROM`."""
        return f"{self.image}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def read_images(path: Path) -> list[BaseImage]:
    """The base images of `images.yaml`, in the file's order.

    Raises:
        DeployError: The file cannot be read, or an entry is not as it must be.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError:
        raise DeployError(f"{path}: not valid YAML") from None
    if not isinstance(document, dict) or not document:
        raise DeployError(f"{path}: it must name the base images")
    return [_entry(path, str(name), entry) for name, entry in document.items()]


def _entry(path: Path, name: str, entry: object) -> BaseImage:
    if not isinstance(entry, dict) or not {"image", "tag", "digest"} <= set(entry):
        raise DeployError(f"{path}: {name} must have image, tag and digest (null: not resolved)")
    digest = entry["digest"]
    if digest is not None and not DIGEST.fullmatch(str(digest)):
        raise DeployError(f"{path}: {name}: {digest!r} is no sha256 digest; write null to resolve")
    return BaseImage(name, str(entry["image"]), str(entry["tag"]), digest)


def resolve(
    images: Iterable[BaseImage], *, again: bool = False
) -> tuple[list[BaseImage], dict[str, str]]:
    """The images with digests from their registries.

    Args:
        images: Those with a digest are left as they are.
        again: Ask for all of them, to follow their tags.

    Returns:
        all images, and by name why a digest could not be had.
    """
    found: list[BaseImage] = []
    missing: dict[str, str] = {}
    for image in images:
        if image.digest and not again:
            found.append(image)
            continue
        try:
            digest = Repository.of(image.image).digest(image.tag)
        except RegistryError as error:
            missing[image.name] = str(error)
            found.append(image)
        else:
            found.append(replace(image, digest=digest))
    return found, missing


def write_digests(path: Path, images: Iterable[BaseImage]) -> list[str]:
    """Put digests into the file, and leave every other character of it alone.

    Returns:
        names of the images whose digest changed.
    """
    before = {image.name: image for image in read_images(path)}
    text = path.read_text()
    changed = []
    for image in images:
        if image.digest and image.digest != before[image.name].digest:
            start, end = _place(text, image.name)
            text = f"{text[:start]}{image.digest}{text[end:]}"
            changed.append(image.name)
    if changed:
        path.write_text(text)
    return changed


def _place(text: str, name: str) -> tuple[int, int]:
    """From where to where the digest of an image stands."""
    document: Any = yaml.compose(text)
    [entry] = [value for key, value in document.value if key.value == name]
    [digest] = [value for key, value in entry.value if key.value == "digest"]
    return digest.start_mark.index, digest.end_mark.index


def image_variables(images: Iterable[BaseImage]) -> dict[str, str]:
    """The variables that the manifests take, of the images that are pinned."""
    return {image.variable: image.reference for image in images if image.digest}
