"""Command line of the simulator: ``python -m gateway_lib.simulator --port PORT``."""

import argparse
import sys
from pathlib import Path

from gateway_lib.simulator.app import create_app
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.questions import load_questions
from gateway_lib.simulator.server import serve
from gateway_lib.simulator.settings import DEFAULT_CONFIG, load_settings


def main() -> int:
    """Run the server; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway_lib.simulator", description="Model providers with known truth."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="profiles (YAML)")
    parser.add_argument("--models", type=Path, help="profiles of more models, by id (YAML)")
    parser.add_argument(
        "--questions",
        type=Path,
        action="append",
        help="question set (JSON lines), repeatable; replaces those named in the configuration",
    )
    options = parser.parse_args()
    try:
        settings = load_settings(options.config, options.models)
        paths = options.questions or [options.config.parent / name for name in settings.questions]
        engine = Engine(settings, load_questions(*paths))
    except ValueError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    try:
        serve(create_app(engine), options.host, options.port)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        print(f"simulator: cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
