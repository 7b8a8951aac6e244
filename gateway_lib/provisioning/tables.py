"""Plans, outcomes and checks as tables, the same in the terminal and in a notebook. No key is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway_lib.provisioning.apply import Outcome
from gateway_lib.provisioning.plan import Plan, UserStep
from gateway_lib.provisioning.verify import Check

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler
    from pandas.io.formats.style_render import CSSDict

_NOTHING = "none"
_UNLIMITED = 1e9
_DOLLARS = ("max_budget",)
_WORDS = {True: "as expected", False: "wrong", None: "not tried"}


def plan_rows(plan: Plan, *, unchanged: bool = True) -> list[dict[str, str]]:
    """A row for each user and each key, with `action`, `user`, `key` and `what`.

    Args:
        plan: What to show.
        unchanged: Whether those too about which there is nothing to do.
    """
    rows: list[dict[str, str]] = []
    for step in plan.steps:
        if unchanged or step.action != "unchanged":
            rows.append(_row(step.action, step.user_id, "", _user_words(step)))
        for key in step.keys:
            if unchanged or key.action != "unchanged":
                words = [key.reason] if key.reason else []
                if key.action == "create" and key.wanted:
                    values = {n: v for n, v in key.wanted.fields.items() if v not in (None, [], {})}
                    values["expires"] = key.wanted.lifetime or key.wanted.expires
                    values.pop("managed_by", None)
                    words += [_assigned(n, v) for n, v in values.items() if v is not None]
                words += [_change(*change) for change in key.changes]
                rows.append(_row(key.action, step.user_id, key.alias, words))
    return rows


def _row(action: str, user: str, key: str, words: Iterable[str]) -> dict[str, str]:
    told = "\n".join(words) or ("as the roster says" if action == "unchanged" else "")
    return {"action": action, "user": user, "key": key, "what": told}


def _user_words(step: UserStep) -> list[str]:
    words = [step.reason] if step.reason else []
    for change in step.changes:
        if change.field == "managed_by":
            continue
        if step.action == "create":
            words.append(_assigned(change.field, change.new))
        else:
            words.append(_change(change.field, change.old, change.new))
    return words


def _change(name: str, old: Any, new: Any) -> str:
    return f"{name}: {value_text(name, old)} → {value_text(name, new)}"


def _assigned(name: str, value: Any) -> str:
    return f"{name}: {value_text(name, value)}"


def value_text(name: str, value: Any) -> str:
    """A field's value for people."""
    if value in (None, [], {}):
        return "all" if name == "models" else _NOTHING
    if name == "model_max_budget":
        return ", ".join(f"{model} {_budget(budget)}" for model, budget in value.items())
    if name in _DOLLARS:
        return "unlimited" if value >= _UNLIMITED else dollars_text(float(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{inner} {item}" for inner, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _budget(budget: Mapping[str, Any]) -> str:
    period = budget.get("time_period")
    limit = budget.get("budget_limit")
    dollars = dollars_text(float(limit)) if limit is not None else _NOTHING
    return f"{dollars} in {period}" if period else f"{dollars} without a period"


def dollars_text(amount: float) -> str:
    """`$5.00`, and two significant digits of what is less than a cent."""
    if amount == 0 or amount >= 0.01:
        return f"${amount:,.2f}"
    digits = f"{amount:.1e}"
    return f"${float(digits):.{int(digits.partition('e-')[2]) + 1}f}"


def summary_text(plan: Plan) -> str:
    """`create 2 users and 3 keys, leave 1 user as it is`: how many of each action."""
    parts = []
    for action in ("create", "change", "rotate", "revoke", "unchanged", "absent", "blocked"):
        users, keys = (plan.counts.get(f"{what} {action}", 0) for what in ("users", "keys"))
        both = [_many(users, "user") if users else "", _many(keys, "key") if keys else ""]
        told = " and ".join(part for part in both if part)
        if told:
            parts.append(f"{action} {told}")
    return ", ".join(parts) or "nobody is in the roster"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def plan_table(plan: Plan, *, unchanged: bool = True) -> pd.DataFrame:
    """`plan_rows` as a frame."""
    import pandas as pd

    columns = ["action", "user", "key", "what"]
    return pd.DataFrame(plan_rows(plan, unchanged=unchanged), columns=columns)


def outcome_rows(outcomes: Iterable[Outcome]) -> list[dict[str, str]]:
    """A row for each user about whom something was to be done."""
    return [
        {
            "user": outcome.user_id,
            "result": "failed" if outcome.error else "done",
            "what": "\n".join([*outcome.done, *([outcome.error] if outcome.error else [])]),
        }
        for outcome in outcomes
    ]


def outcome_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """`outcome_rows` as a frame."""
    import pandas as pd

    return pd.DataFrame(outcome_rows(outcomes), columns=["user", "result", "what"])


def check_rows(checks: Iterable[Check]) -> list[dict[str, str]]:
    """A row for each check, in words."""
    return [
        {
            "user": check.user_id,
            "check": check.check,
            "result": _WORDS[check.ok],
            "what": _check_words(check),
            "calls": str(check.calls),
            "cost": dollars_text(check.cost_usd) if check.calls else "",
        }
        for check in checks
    ]


def _check_words(check: Check) -> str:
    if not check.expected or check.expected == check.found:
        return check.found
    return f"{check.expected}{', but' if check.ok is False else ''}: {check.found}"


def check_table(checks: Iterable[Check]) -> pd.DataFrame:
    """`check_rows` as a frame."""
    import pandas as pd

    columns = ["user", "check", "result", "what", "calls", "cost"]
    return pd.DataFrame(check_rows(checks), columns=columns)


def check_frame(checks: Iterable[Check]) -> pd.DataFrame:
    """Every check as it is, a row for each, to compute with."""
    import pandas as pd

    columns = [field.name for field in fields(Check)]
    frame = pd.DataFrame([asdict(check) for check in checks], columns=columns)
    return frame.astype({"ok": "boolean"})


def show(table: pd.DataFrame) -> Styler:
    """A table for a notebook: no index, lines within a cell kept, what went wrong in red."""
    marked = {"failed", "wrong", "blocked", "revoke"}

    def colour(text: Any) -> str:
        return "color: #b42318; font-weight: 600" if text in marked else ""

    names = [f"td.col{place}" for place, name in enumerate(table.columns) if name != "what"]
    cells = "text-align: left; vertical-align: top; white-space: pre-line"
    styles: list[CSSDict] = [
        {"selector": "td", "props": cells},
        {"selector": "th", "props": "text-align: left"},
        {"selector": ", ".join(names), "props": "white-space: nowrap"},
    ]
    return table.style.hide(axis="index").set_table_styles(styles).map(colour)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan for machines: every step with its changes, old and new."""
    return {
        "pending": bool(plan.pending),
        "counts": plan.counts,
        "warnings": list(plan.warnings),
        "users": [
            {
                "user": step.user_id,
                "action": step.action,
                "reason": step.reason,
                "changes": [_change_document(c.field, c.old, c.new) for c in step.changes],
                "keys": [
                    {
                        "alias": key.alias,
                        "action": key.action,
                        "reason": key.reason,
                        "changes": [_change_document(*change) for change in key.changes],
                    }
                    for key in step.keys
                ],
            }
            for step in plan.steps
        ],
    }


def _change_document(name: str, old: Any, new: Any) -> dict[str, Any]:
    old, new = (v.isoformat() if isinstance(v, datetime) else v for v in (old, new))
    return {"field": name, "old": old, "new": new}
