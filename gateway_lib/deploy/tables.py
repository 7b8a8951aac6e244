"""Checks, findings, costs and steps as rows, the same in the terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_lib.deploy.check import Check, State
from gateway_lib.deploy.cost import Estimate
from gateway_lib.deploy.deployment import Outcome, Prepared
from gateway_lib.deploy.plan import Step
from gateway_lib.findings import Finding

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler
    from pandas.io.formats.style_render import CSSDict

Rows = list[dict[str, str]]

_PROSE = ("found", "mend", "where", "problem", "quantity", "why", "creates", "command")
_AMOUNTS = ("at rest", "at most")


def check_rows(checks: Iterable[Check]) -> Rows:
    """A row for each check."""
    return [
        {
            "check": check.name,
            "state": str(check.state),
            "found": check.found,
            "mend": "" if check.state is State.OK and not check.mend else check.mend,
        }
        for check in checks
    ]


def finding_rows(findings: Iterable[Finding], root: Path) -> Rows:
    """A row for each finding, files as from the checkout's root."""
    return [
        {
            "severity": str(finding.severity),
            "where": f"{_near(finding.path, root)}:{finding.line}",
            "problem": finding.problem,
            "mend": finding.mend,
        }
        for finding in sorted(findings)
    ]


def _near(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def step_rows(steps: Iterable[Step]) -> Rows:
    """A row for each step."""
    return [
        {
            "step": step.name,
            "runs": "yes" if step.runs else "no",
            "why": step.why,
            "command": step.command,
            "creates": step.creates,
        }
        for step in steps
    ]


def cost_rows(estimate: Estimate) -> Rows:
    """A row for each line of the estimate, and the sum."""
    rows = [
        {
            "group": line.group,
            "resource": line.resource,
            "quantity": line.quantity,
            "at rest": dollars(line.usd),
            "at most": dollars(line.most_usd),
        }
        for line in estimate.lines
    ]
    total = {"at rest": dollars(estimate.usd), "at most": dollars(estimate.most_usd)}
    return [*rows, {"group": "together", "resource": "", "quantity": "", **total}]


def cost_frame(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """Every line of every estimate, to compute with."""
    import pandas as pd

    rows = [{"environment": e.environment, **asdict(line)} for e in estimates for line in e.lines]
    return pd.DataFrame(rows)


def dollars(amount: float | None) -> str:
    """`$12.30`; `?` where it is not known."""
    return "?" if amount is None else f"${amount:,.2f}"


def table(rows: Rows) -> pd.DataFrame:
    """Rows as a frame."""
    import pandas as pd

    return pd.DataFrame(rows)


def show(rows: Rows) -> Styler:
    """Rows for a notebook: no index, prose wrapped, states in colour, amounts to the right."""
    colours = {
        "failed": "#b42318; font-weight: 600",
        "error": "#b42318; font-weight: 600",
        "cannot tell": "#8a6100",
        "warning": "#8a6100",
        "ok": "#1a7f37",
    }

    def colour(text: Any) -> str:
        return f"color: {colours[text]}" if text in colours else ""

    frame = table(rows)
    styles: list[CSSDict] = [
        {"selector": "td", "props": "text-align: left; vertical-align: top"},
        {"selector": "th", "props": "text-align: left"},
    ]
    for place, name in enumerate(frame.columns):
        wraps = "white-space: normal; min-width: 9em; overflow-wrap: anywhere"
        props = wraps if name in _PROSE else "white-space: nowrap"
        if name in _AMOUNTS:
            props += "; text-align: right"
        styles.append({"selector": f"td.col{place}", "props": props})
    return frame.style.hide(axis="index").set_table_styles(styles).map(colour)


def prepared_document(prepared: Prepared) -> dict[str, Any]:
    """What was found before a deployment, for machines."""
    estimate, root = prepared.estimate, prepared.site.root
    return {
        "target": str(prepared.site.target),
        "ready": prepared.ready,
        "checks": [_plain(asdict(check)) for check in prepared.checks],
        "lint": finding_rows(prepared.lint, root),
        "validate": finding_rows(prepared.tree, root),
        "cost": {
            "usd": round(estimate.usd, 2),
            "most_usd": round(estimate.most_usd, 2),
            "notes": estimate.notes,
            "lines": [asdict(line) for line in estimate.lines],
        },
        "plan": step_rows(prepared.steps),
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What a deployment did, for machines."""
    return {
        "ran": list(outcome.ran),
        "url": outcome.url,
        "outputs": outcome.outputs,
        "proof": [_plain(asdict(check)) for check in outcome.proof],
    }


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, State) else value for name, value in document.items()
    }


def summary(prepared: Prepared) -> str:
    """In a line how it stands: `9 checks ok, 2 cannot tell; no fault; 5 of 8 steps to run`."""
    counted = {state: sum(c.state is state for c in prepared.checks) for state in State}
    checks = ", ".join(f"{number} {state}" for state, number in counted.items() if number)
    faults = len(prepared.lint) + len(prepared.tree)
    return (
        f"{len(prepared.checks)} checks: {checks}; {faults or 'no'} finding{'' if faults == 1 else 's'};"
        f" {_steps(prepared.steps)}"
    )


def _steps(steps: Sequence[Step]) -> str:
    return f"{sum(step.runs for step in steps)} of {len(steps)} steps to run"
