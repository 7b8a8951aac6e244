"""``python -m gateway_lib.local.prisma``: prepare LiteLLM's database engine, as ``make setup`` does."""

from __future__ import annotations

import sys
import time

from gateway_lib.errors import GatewayError
from gateway_lib.local.prisma import prepare


def main() -> int:
    start = time.monotonic()
    try:
        engine = prepare(lambda line: print(f"prisma: {line}", flush=True))
    except GatewayError as error:
        print(f"prisma: {error}", file=sys.stderr)
        return error.exit_code
    print(f"prisma: ready in {time.monotonic() - start:.1f} s: {engine.executable}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
