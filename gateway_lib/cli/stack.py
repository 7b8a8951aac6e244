"""`gateway up | down | status | env`: the local stack."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway_lib import local
from gateway_lib.errors import PartMissing
from gateway_lib.local.client import find

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", help="State folder of the stack.  [default: $GATEWAY_STATE_DIR or .gateway]"
    ),
]
_COLOURS = {"ready": "green", "stopped": "dim", "failed": "red", "restarting": "yellow"}
_console = Console(stderr=True, highlight=False)
_out = Console(highlight=False)


class Format(StrEnum):
    """How `gateway env` prints the variables."""

    SHELL = "shell"
    DOTENV = "dotenv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands of the local stack to `app`."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("env")(env)


def up(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND...]", help="Run beside the stack, with its settings."),
    ] = None,
    state: StateOption = None,
    port: Annotated[int | None, typer.Option(help="Port for http.  [default: a free one]")] = None,
    tls_port: Annotated[
        int | None, typer.Option(help="Port for https.  [default: a free one]")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when all is healthy.")
    ] = False,
) -> int:
    """Start the complete gateway on this machine.

    In the foreground until Ctrl-C; with --detach in the background until `gateway down`; with a command
    after `--`, for as long as that command runs, which finds the stack's settings in its environment.
    """
    folder, began = local.State(state), time.monotonic()
    if command:
        return _run_beside(command, folder, port, tls_port)
    if detach:
        stack = local.start_detached(folder, port=port, tls_port=tls_port, report=_say)
        _announce(stack.snapshot, began)
        _console.print("stop it with: gateway down")
        return 0
    local.serve(
        folder,
        local.Ports.choose(port, tls_port),
        report=_say,
        on_ready=lambda facts: _announce(local.status(folder), began),
    )
    return 0


def down(state: StateOption = None) -> None:
    """Stop the stack. Its data stays in the state folder."""
    folder = local.State(state)
    _console.print("stopped" if local.down(folder) else f"no stack runs in {folder.path}")


def status(
    state: StateOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> int:
    """Show what is up and where; the exit status is 0 only when the gateway is ready to serve."""
    found = local.status(local.State(state))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif "status" not in found:
        _console.print(f"no stack was started in {found['state']} yet; start one with: gateway up")
    else:
        if found.get("components"):
            _out.print(_table(found))
        word = "ready to serve" if found["healthy"] else found.get("message")
        word = word or ("not ready to serve" if found["running"] else "")
        line = f"{found['status']}: {word}" if word else found["status"]
        _out.print(line, markup=False, soft_wrap=True)
    return 0 if found["healthy"] else 3


def env(
    state: StateOption = None,
    style: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.SHELL,
) -> None:
    """Print the settings that point a client at the running stack: eval "$(gateway env)"."""
    variables = find(local.State(state)).environment
    if style is Format.JSON:
        typer.echo(json.dumps(variables, indent=2))
        return
    prefix = "export " if style is Format.SHELL else ""
    for name, value in variables.items():
        typer.echo(f"{prefix}{name}={shlex.quote(value)}")


def _run_beside(
    command: list[str], folder: local.State, port: int | None, tls_port: int | None
) -> int:
    if shutil.which(command[0]) is None:
        raise PartMissing(f"{command[0]}: no such command")
    began = time.monotonic()
    stack = local.start_detached(folder, port=port, tls_port=tls_port, owned=True, report=_say)
    try:
        _announce(stack.snapshot, began)
        with subprocess.Popen(command, env={**os.environ, **stack.environment}) as child:
            previous = {
                number: signal.signal(number, lambda number, frame: child.send_signal(number))
                for number in (signal.SIGTERM, signal.SIGHUP)
            }
            # Ctrl-C reaches the command by itself, since it is in the terminal's foreground group
            previous[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                code = child.wait()
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
        return code if code >= 0 else 128 - code
    finally:
        stack.stop()


def _say(line: str) -> None:
    _console.print(line, markup=False, style="dim", soft_wrap=True)


def _announce(snapshot: dict[str, Any], began: float) -> None:
    _console.print(_table(snapshot))
    _console.print(
        f"ready in {time.monotonic() - began:.1f} s: [bold]{snapshot['base_url']}[/bold]"
    )
    _console.print('point a client at it with: eval "$(gateway env)"')


def _table(snapshot: dict[str, Any]) -> Table:
    components = snapshot["components"]
    names = ["component", "status", "address", "pid"]
    if any(component["restarts"] for component in components):
        names.append("restarts")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        right = name in ("pid", "restarts")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for component in components:
        state = component["status"]
        cells = (
            component["name"],
            f"[{_COLOURS.get(state, 'yellow')}]{state}[/]",
            component["address"],
            str(component["pid"] or ""),
            str(component["restarts"] or ""),
        )
        table.add_row(*cells[: len(names)])
    return table
