"""`gateway users plan | apply | verify`: making the gateway's users as a roster says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from gateway_lib.errors import ApplyFailed, ApplyInterrupted, VerificationFailed

if TYPE_CHECKING:
    from gateway_lib.provisioning import Check, Delivery, Outcome, Plan, Target
    from gateway_lib.settings import Settings

T = TypeVar("T")

CHANGES_PENDING = 3
"""Exit status of `plan` when there is something to do."""

RosterArgument = Annotated[Path, typer.Argument(metavar="ROSTER", help="YAML or CSV file.")]
RevokeOption = Annotated[
    bool,
    typer.Option(
        "--revoke-absent",
        help="Delete users and keys that a roster made and this one does not have.",
    ),
]
KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="FILE|aws:PREFIX",
        help="Where issued keys go: a file with mode 0600, or AWS Secrets Manager."
        "  [default: keys.json of the local stack, else gateway-keys.json of the project]",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Show what stays as it is, too.")]
MostCallsOption = Annotated[
    int,
    typer.Option(
        "--most-calls", min=0, help="Try limits of so many calls per minute, and lower ones."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, never with a key in it.")]

_COLOURS = {
    "create": "green",
    "change": "yellow",
    "rotate": "magenta",
    "revoke": "red",
    "blocked": "bold red",
    "failed": "bold red",
    "wrong": "bold red",
    "done": "green",
    "as expected": "green",
}
_out = Console(highlight=False)
_progress = Console(stderr=True, highlight=False)

users = typer.Typer(help="Users, their keys, budgets and limits.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `users` to `app`."""
    app.add_typer(users, name="users")


@users.command("plan")
def plan(
    roster: RosterArgument,
    revoke_absent: RevokeOption = False,
    all_: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Show what differs between a roster and the gateway, and change nothing.

    The exit status is 0 when there is nothing to do, 3 when there is, 1 when something cannot be done.
    """
    with _opened(roster) as (target, _, _):
        made = target.plan(revoke_absent=revoke_absent)
        _show_plan(made, all_, as_json)
    _refuse_blocked(made)
    return CHANGES_PENDING if made.pending else 0


@users.command("apply")
def apply(
    roster: RosterArgument,
    revoke_absent: RevokeOption = False,
    keys: KeysOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Then try the keys with calls of one token.")
    ] = False,
    most_calls: MostCallsOption = 20,
    all_: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Make the gateway as the roster says, and hand the issued keys over.

    It can be stopped and started again at any moment: what was done is seen in the gateway, and a key that
    was issued but not handed over is issued anew. Done twice, the second time changes nothing.
    """
    with _opened(roster) as (target, settings, own):
        delivery = _delivery(keys, own)
        made = target.plan(revoke_absent=revoke_absent)
        if not as_json:
            _show_plan(made, all_, as_json)
        outcomes, interrupted = _apply(made, target, delivery, settings.gateway(), as_json)
        failed = [outcome for outcome in outcomes if outcome.error]
        checks = (
            _verify(target, delivery, settings, most_calls, as_json)
            if verify and not failed and not interrupted
            else []
        )
    if as_json:
        document = {"plan": _plan_json(made), "outcomes": [_outcome_json(o) for o in outcomes]}
        typer.echo(json.dumps({**document, "checks": _checks_json(checks)}, indent=2))
    else:
        _show_outcomes(outcomes, checks, delivery)
    if interrupted:
        left = len(made.pending) - len(outcomes)
        raise ApplyInterrupted(f"interrupted with {left} users to go; apply again to go on")
    if failed:
        raise ApplyFailed("\n".join(f"{outcome.user_id}: {outcome.error}" for outcome in failed))
    _refuse_wrong(checks)
    return 0


@users.command("verify")
def verify(
    roster: RosterArgument,
    keys: KeysOption = None,
    most_calls: MostCallsOption = 20,
    as_json: JsonOption = False,
) -> int:
    """Try one key of each user: an allowed model, a forbidden one, the limit of calls per minute.

    Each call asks for one token, and what the calls cost is shown. A limit that is used up is waited for,
    a minute at most.
    """
    with _opened(roster) as (target, settings, own):
        delivery = _delivery(keys, own)
        checks = _verify(target, delivery, settings, most_calls, as_json)
    if as_json:
        typer.echo(json.dumps({"checks": _checks_json(checks)}, indent=2))
    else:
        _show_checks(checks)
    _refuse_wrong(checks)
    return 0


@contextmanager
def _opened(roster: Path) -> Iterator[tuple[Target, Settings, Mapping[str, str]]]:
    """The roster, the gateway and its environment: the configured one, else the local stack that runs."""
    from gateway_lib import clients, local
    from gateway_lib.local.client import find
    from gateway_lib.provisioning import Target
    from gateway_lib.settings import process_environment, settings_of

    own, state = process_environment(), local.State()
    if settings_of(own).base_url is None or local.printed_for(state, own):
        own = {**own, **find(state).environment}
    known = settings_of(own)
    with clients.admin_client(known) as admin:
        yield Target.of(roster, admin), known, own


def _delivery(keys: str | None, environment: Mapping[str, str]) -> Delivery:
    from gateway_lib.provisioning import default_key_file, delivery_to

    return delivery_to(keys or str(default_key_file(environment)), base=Path.cwd())


def _apply(
    made: Plan, target: Target, delivery: Delivery, gateway: str, quiet: bool
) -> tuple[list[Outcome], bool]:
    """What became of each user, and whether Ctrl-C or SIGTERM came before the end."""
    from gateway_lib.provisioning import Applier
    from gateway_lib.runs.interruption import interruptible

    outcomes: list[Outcome] = []
    total = len(made.pending) + len(made.blocked)
    applier = Applier(target.admin, delivery, gateway)
    with interruptible():
        try:
            for outcome in _counted(applier.apply(made), total, "applying", quiet):
                outcomes.append(outcome)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


def _verify(
    target: Target, delivery: Delivery, settings: Settings, most_calls: int, quiet: bool
) -> list[Check]:
    from gateway_lib.provisioning import Calls, Verifier

    checks: list[Check] = []
    with closing(Calls(settings)) as calls:
        verifier = Verifier(target.admin, delivery, calls, most_calls)
        wanted = target.wanted.values()
        for user in _counted(wanted, len(wanted), "verifying", quiet):
            checks.extend(verifier.verify([user]))
    return checks


def _counted(steps: Iterable[T], total: int, what: str, quiet: bool) -> Iterator[T]:
    """The same steps, with a bar where a person watches."""
    if quiet or not _progress.is_terminal:
        yield from steps
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_progress, transient=True) as bar:
        task = bar.add_task(what, total=total)
        for step in steps:
            yield step
            bar.update(task, advance=1)


def _show_plan(made: Plan, unchanged: bool, as_json: bool) -> None:
    from gateway_lib.provisioning import summary_text
    from gateway_lib.provisioning.tables import plan_rows

    if as_json:
        typer.echo(json.dumps(_plan_json(made), indent=2))
        return
    rows = plan_rows(made, unchanged=unchanged)
    if rows:
        _out.print(_table(rows, "action"))
    _out.print(summary_text(made), markup=False)
    for warning in made.warnings:
        _progress.print(f"warning: {warning}", style="yellow", markup=False)


def _show_outcomes(outcomes: Sequence[Outcome], checks: list[Check], delivery: Delivery) -> None:
    from gateway_lib.provisioning.tables import outcome_rows

    if not outcomes:
        _out.print("nothing to do")
    else:
        _out.print()
        _out.print(_table(outcome_rows(outcomes), "result"))
    issued = sum(len(outcome.issued) for outcome in outcomes)
    if issued:
        many = f"{issued} key{'' if issued == 1 else 's'}"
        _out.print(f"{many} delivered to {delivery.place}", markup=False, soft_wrap=True)
    if checks:
        _out.print()
        _show_checks(checks)


def _show_checks(checks: list[Check]) -> None:
    from gateway_lib.provisioning.tables import check_rows, dollars_text

    _out.print(_table(check_rows(checks), "result"))
    calls, cost = sum(c.calls for c in checks), sum(c.cost_usd for c in checks)
    _out.print(f"{calls} calls for {dollars_text(cost)}")


def _table(rows: Sequence[dict[str, str]], coloured: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in rows[0]:
        wraps = name == "what"
        table.add_column(name, no_wrap=not wraps, overflow="fold")
    for row in rows:
        styles = {coloured: _COLOURS.get(row[coloured], "dim")}
        table.add_row(*(Text(text, styles.get(name, "")) for name, text in row.items()))
    return table


def _plan_json(made: Plan) -> dict[str, Any]:
    from gateway_lib.provisioning.tables import plan_document

    return plan_document(made)


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "user": outcome.user_id,
        "action": outcome.action,
        "done": list(outcome.done),
        "error": outcome.error,
        "issued": [key.alias for key in outcome.issued],
    }


def _checks_json(checks: Sequence[Check]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [asdict(check) for check in checks]


def _refuse_blocked(made: Plan) -> None:
    if made.blocked:
        raise ApplyFailed("\n".join(f"{step.user_id}: {step.reason}" for step in made.blocked))


def _refuse_wrong(checks: Sequence[Check]) -> None:
    wrong = [check for check in checks if check.ok is False]
    if wrong:
        raise VerificationFailed(
            "\n".join(f"{c.user_id}: {c.check}: {c.expected}, but {c.found}" for c in wrong)
        )
