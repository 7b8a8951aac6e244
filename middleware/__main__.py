"""Serve the middleware over http: `python -m middleware`."""

from __future__ import annotations

import gc
import resource
import sys

import uvicorn

from middleware.app import create_app
from middleware.identity.policy import PolicyBroken
from middleware.settings import Settings
from middleware.tracing.choice import TracingRefused
from middleware.unread import GivingUpSocket, giving_up_after

_OTHER_FILES = 200


def allow_files(requests: int) -> None:
    """Raise this process's limit of open files to what so many requests need, as far as it may be raised.

    Each has a connection to its caller and one to LiteLLM. Beyond the limit new connections are neither
    served nor refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * requests + _OTHER_FILES
    if soft < wanted and soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> None:
    settings = Settings()
    allow_files(settings.max_requests)
    try:
        app = create_app(settings)
    except (PolicyBroken, TracingRefused) as error:
        sys.exit(str(error))
    gc.collect()
    gc.freeze()  # what is there before the first request is never garbage, and need not be looked through
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=giving_up_after(settings.send_seconds),
        ws=GivingUpSocket,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        timeout_keep_alive=settings.keepalive_seconds,
    )


if __name__ == "__main__":
    main()
