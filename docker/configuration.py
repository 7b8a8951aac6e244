"""Writes LiteLLM's configuration as it is deployed, and its hash, into a folder: `configuration.py FOLDER`.

Run while the images are built. LiteLLM's image keeps the configuration and the middleware's the hash, both
made here, so that the hash which `/readyz` tells is of what LiteLLM runs.
"""

import sys
from pathlib import Path

from gateway_lib.config.build import CONFIG_DIR, digest, overlaid, read, render


def deployed() -> dict:
    """The user's configuration, else the default one, with the overlay for AWS where there is one."""
    own, overlay = CONFIG_DIR / "config.yaml", CONFIG_DIR / "aws.yaml"
    content = read(own if own.exists() else CONFIG_DIR / "default-config.yaml")
    if overlay.exists():
        content = overlaid(content, read(overlay))
    # LiteLLM makes the URL of its parts (DATABASE_HOST, ...) only where the configuration names none
    content.get("general_settings", {}).pop("database_url", None)
    return content


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    content = deployed()
    (folder / "litellm.yaml").write_text(render(content))
    (folder / "litellm.sha256").write_text(digest(content) + "\n")


if __name__ == "__main__":
    main()
