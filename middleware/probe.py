"""Exits with 0 while the service on this machine answers: `python -m middleware.probe`, for containers."""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 4.0
_DEFAULT_PORT = "3000"


def is_live(port: int) -> bool:
    """Whether the service is there. Not whether it is ready: restarting it would mend no database."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    # not by way of Settings: those take most of a second to read
    sys.exit(0 if is_live(int(os.environ.get("MIDDLEWARE_PORT") or _DEFAULT_PORT)) else 1)
