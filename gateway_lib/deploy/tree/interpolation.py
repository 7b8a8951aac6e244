"""`${VARIABLE}` in manifests, as Copilot puts shell variables in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway_lib.deploy.tree.nodes import with_texts

VARIABLE = re.compile(r"\$\{([_a-zA-Z][_a-zA-Z0-9]*)\}")
APPLICATION, ENVIRONMENT = "COPILOT_APPLICATION_NAME", "COPILOT_ENVIRONMENT_NAME"
PREDEFINED = (APPLICATION, ENVIRONMENT)
"""What Copilot itself defines."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """The same with variables put into every text; unknown ones stay as they are written."""

    def put_in(text: str) -> str:
        return VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)

    return with_texts(value, put_in)
