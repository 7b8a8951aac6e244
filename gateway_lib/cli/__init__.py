"""The command `gateway`: one module per group of commands, one place where errors become one line."""

from __future__ import annotations

import os
import sys

import typer
from rich.console import Console

from gateway_lib.cli import (
    bench,
    deploy,
    experiment,
    guardrails,
    lint,
    runs,
    stack,
    users,
    validate,
)
from gateway_lib.errors import GatewayError
from gateway_lib.proxies import past_proxies

app = typer.Typer(
    name="gateway",
    help="A reproducible workbench for an LLM gateway: run it, provision it, measure it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
stack.register(app)
runs.register(app)
users.register(app)
lint.register(app)
validate.register(app)
deploy.register(app)
bench.register(app)
experiment.register(app)
guardrails.register(app)


def main() -> None:
    """Run the command line. An error is one line on stderr and an exit status; 2 is wrong usage."""
    os.environ.update(past_proxies(os.environ))
    try:
        status = app(standalone_mode=False)
    except GatewayError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        explain = getattr(error, "format_message", error.__str__)
        _complain(f"{explain()} (see: gateway --help)")
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[red]gateway:[/red]", end=" ")
    console.print(message, markup=False)
