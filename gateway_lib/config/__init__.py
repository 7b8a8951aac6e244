"""Building the LiteLLM configuration: one default for everywhere, an overlay for where it runs."""

from gateway_lib.config.build import (
    CONFIG_DIR,
    Place,
    digest,
    load,
    load_local,
    overlaid,
    provider,
    read,
    render,
)

__all__ = [
    "CONFIG_DIR",
    "Place",
    "digest",
    "load",
    "load_local",
    "overlaid",
    "provider",
    "read",
    "render",
]
