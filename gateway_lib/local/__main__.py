"""The supervisor as a process of its own: what `gateway up --detach` starts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway_lib.errors import GatewayError
from gateway_lib.local.client import FAILED
from gateway_lib.local.stack import Ports, serve
from gateway_lib.local.state import State


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gateway_lib.local", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--tls-port", type=int)
    parser.add_argument("--owner", type=int, help="stop when this parent process ends")
    parser.add_argument("--lock", type=int, help="descriptor of the lock on the state folder")
    options = parser.parse_args()
    try:
        serve(
            State(options.state),
            Ports.choose(options.port, options.tls_port),
            report=lambda line: print(line, flush=True),
            owner=options.owner,
            lock=options.lock,
        )
    except GatewayError as error:
        print(f"{FAILED}{error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
