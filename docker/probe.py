"""Exits with 0 where a URL answers with 200: `probe.py URL`. The images have no curl, and need none."""

import sys
import urllib.request

SECONDS = 4.0


def answers(url: str) -> bool:
    """Whether the URL answers in time; a proxy of the environment is not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=SECONDS) as response:
            return response.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
