"""Health checks over http and https, quick and without surprises."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx


def answers(url: str, authority: Path | None = None) -> bool:
    """Whether a GET of `url` answers 2xx within a second, its certificate checked by `authority`."""
    verify = ssl.create_default_context(cafile=authority) if authority else False
    try:
        return httpx.get(url, timeout=1.0, trust_env=False, verify=verify).is_success
    except httpx.HTTPError:
        return False
