"""Options that several commands have, each with the same meaning everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GatewayOption = Annotated[
    str | None, typer.Option(help="Base URL.  [default: $GATEWAY_BASE_URL, else a local stack]")
]
RunsDirOption = Annotated[
    Path | None,
    typer.Option("--runs-dir", help="Folder of the runs.  [default: $GATEWAY_RUNS_DIR or runs]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
