"""Where chat completions are asked for: OpenAI's path, and those of clients made for Azure and engines."""

from __future__ import annotations

import re
from urllib.parse import unquote

_PATH = re.compile(
    r"(?:/v1)?/chat/completions|/(?:openai/deployments|engines)/(?P<model>[^?]+)/chat/completions"
)


def parse(raw_path: str) -> str | None:
    """The model that the path names, empty where the body does; None for another path."""
    found = _PATH.fullmatch(raw_path)
    return unquote(found["model"] or "") if found else None
