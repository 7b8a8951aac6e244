"""Starts LiteLLM on the configuration in its image: `start_litellm.py OPTION...`, LiteLLM's own options.

The files are those that were committed; which of their conditional parts apply, the environment says.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway_lib.config.build import load, render
from gateway_lib.errors import GatewayError


def configuration(environment: Mapping[str, str]) -> dict[str, Any]:
    """What LiteLLM is to be configured with. It names secrets by their variables only."""
    content = load("aws", environment)
    # LiteLLM makes the URL of its parts (DATABASE_HOST, ...) only where the configuration names none
    general = {k: v for k, v in content["general_settings"].items() if k != "database_url"}
    return {**content, "general_settings": general}


def main() -> None:
    if "{{resolve:" in os.environ.get("LITELLM_MASTER_KEY", ""):
        sys.exit("litellm: the master key is the reference to a key, which everybody can guess")
    try:
        content = configuration(os.environ)
    except GatewayError as error:
        sys.exit(f"litellm: {error}")
    file = Path(tempfile.mkdtemp(prefix="litellm-")) / "config.yaml"
    file.write_text(render(content))
    os.execvp("litellm", ["litellm", f"--config={file}", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
