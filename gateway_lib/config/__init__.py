"""Building the LiteLLM configuration, one default with an overlay for where it runs, and checking it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_lib.config.build import (
    Place,
    digest,
    load,
    load_local,
    overlaid,
    provider,
    render,
)
from gateway_lib.config.layers import CONFIG_DIR, read

if TYPE_CHECKING:
    from gateway_lib.findings import Finding


def lint(path: Path, environment: Mapping[str, str]) -> list[Finding]:
    """What is wrong with a configuration or an overlay; see `gateway_lib.config.linting.lint`."""
    from gateway_lib.config import linting  # images hold this package without what that needs

    return linting.lint(path, environment)


__all__ = [
    "CONFIG_DIR",
    "Place",
    "digest",
    "lint",
    "load",
    "load_local",
    "overlaid",
    "provider",
    "read",
    "render",
]
