"""The version of LiteLLM: new enough, and none that was tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from gateway_lib.config.layers import CONFIG_DIR
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.document import load
from gateway_lib.config.linting.rule import Places, rule

FLOOR = Version("1.106")
DENIED = {
    Version("1.82.7"): "was published with a credential stealer inside",
    Version("1.82.8"): "was published with a credential stealer inside",
}
IMAGES = CONFIG_DIR.parent / "copilot" / "images.yaml"


@rule("litellm/denied", "a version of LiteLLM that must never run: 1.82.7 and 1.82.8")
def denied(context: Context) -> Places:
    for place, version in _versions(context):
        if version in DENIED:
            yield (
                place,
                f"LiteLLM {version} {DENIED[version]}.",
                f"Install {FLOOR} or newer, and replace every secret that this machine had.",
            )


@rule("litellm/too-old", "a version of LiteLLM with known ways in")
def too_old(context: Context) -> Places:
    for place, version in _versions(context):
        if version < FLOOR and version not in DENIED:
            yield (
                place,
                f"LiteLLM {version} has known vulnerabilities, and this configuration was not"
                " tried with it.",
                f"Use {FLOOR} or newer.",
            )


@rule("priority/zero", "a default priority of 0 with a LiteLLM that takes it for none")
def priority_zero(context: Context) -> Places:
    router = context.section("router_settings")
    if router.get("default_priority") == 0 and Version(context.litellm) < Version("1.109"):
        yield (
            context.at("router_settings", "default_priority"),
            f"LiteLLM {context.litellm} takes priority 0 for none and sends it to the provider.",
            "Write 1 or more.",
        )


def _versions(context: Context) -> Iterator[tuple[tuple[Path, int], Version]]:
    """The installed version, and that of the image which is deployed."""
    yield (context.path, 0), Version(context.litellm)
    if not IMAGES.is_file():
        return
    document = load(IMAGES)
    image = document.content.get("litellm")
    tag = image.get("tag") if isinstance(image, dict) else None
    try:
        version = Version(str(tag).removeprefix("main-").removeprefix("v").partition("-")[0])
    except InvalidVersion:
        return
    yield (IMAGES, document.line(image, "tag") or 1), version


RULES = (denied, too_old, priority_zero)
