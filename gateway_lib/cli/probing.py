"""`gateway guardrails probe`: ways round a guardrail, tried on a live gateway."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway_lib.cli.measuring import target
from gateway_lib.cli.options import GatewayOption, JsonOption
from gateway_lib.errors import ThresholdMissed

if TYPE_CHECKING:
    from gateway_lib.guardrails.probes import Probed

_SHADES = {"open": "red", "closed": "green", "untried": "yellow"}
_out = Console(highlight=False)


def register(guardrails: typer.Typer) -> None:
    """Add `probe` to `gateway guardrails`."""
    guardrails.command("probe")(probe)


def probe(
    guardrail: Annotated[
        str, typer.Option("--guardrail", "-g", metavar="NAME", help="Name of the gateway's.")
    ] = "grworkbench1",
    blocked: Annotated[
        str, typer.Option(help="A text that it blocks wherever it stands.")
    ] = "forbidden-word",
    withheld: Annotated[
        str,
        typer.Option(help="A text that it blocks in answers only; empty leaves those probes out."),
    ] = "sexually explicit",
    model: Annotated[str, typer.Option(help="Model to ask.")] = "gpt-4o-mini",
    bedrock_model: Annotated[
        str, typer.Option(help="Model that only Bedrock serves.")
    ] = "amazon.nova-lite-v1:0",
    identifier: Annotated[
        str, typer.Option("--id", help="Id of the guardrail in Bedrock.")
    ] = "grworkbench1",
    version: Annotated[str, typer.Option("--guardrail-version", help="Its version there.")] = "1",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PROBE", help="A probe; repeatable.")
    ] = None,
    gateway: GatewayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try ways round a guardrail, each closed or open with evidence. Exit status 3: one is open.

    Defaults are those of the local stack, whose guardrail can also be broken to see what becomes of calls.
    """
    from gateway_lib.guardrails.probes import probe as probed
    from gateway_lib.guardrails.probing import local_target

    with target(gateway, None) as runner:
        asked = local_target(
            {**os.environ, **runner.environment},
            guardrail=guardrail,
            blocked=blocked,
            withheld=withheld,
            model=model,
            bedrock_model=bedrock_model,
            identifier=identifier,
            version=version,
        )
        found = probed(asked, runner.target, only=only or ())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        _out.print(_table(found))
    opened = [one.probe for one in found if one.state == "open"]
    if opened:
        raise ThresholdMissed(f"{len(opened)} ways round {guardrail}: {', '.join(opened)}")


def _table(found: tuple[Probed, ...]) -> Table:
    shown = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("probe", "state", "evidence"):
        shown.add_column(heading)
    for one in found:
        shown.add_row(one.probe, Text(one.state, _SHADES[one.state]), Text(one.evidence))
    return shown
