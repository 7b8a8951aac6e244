"""A user's row in LiteLLM as the policy has it, and what has to change in the one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from middleware.auth import METADATA, WRITER
from middleware.errors import Forbidden
from middleware.identity.accounts import Row, limits_of, ours
from middleware.identity.grant import Grant, litellm_models, models_of
from middleware.identity.policy import Rule

BUDGET = ("max_budget", "budget_duration")
_ADMINISTRATORS = frozenset((WRITER, "proxy_admin_viewer"))
_USER = "internal_user"
_ALL = "all-proxy-models"


def fields_of(grant: Grant) -> dict[str, Any]:
    """A user's columns in LiteLLM, as the policy has them."""
    return {
        "user_role": WRITER if grant.admin else _USER,
        "models": litellm_models(grant.models),
        "max_budget": grant.max_budget,
        "budget_duration": grant.budget_duration,
        "rpm_limit": grant.rpm_limit,
        "tpm_limit": grant.tpm_limit,
        "teams": list(grant.teams),
    }


def note_of(rule: Rule, grant: Grant, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is noted in the metadata: who granted what, and the fields as they were set."""
    return {"rule": rule.name, "priority": grant.priority, "fields": dict(fields)}


def changes_of(row: Row, rule: Rule, grant: Grant) -> dict[str, Any]:
    """What has to change in a user's row so that it is as the policy has it; empty for nothing.

    What an administrator has set since this service last did is the administrator's, and is left alone.
    """
    fields, before = fields_of(grant), ours(row).get("fields", {})
    is_administrator = row.get("user_role") in _ADMINISTRATORS
    if is_administrator and not grant.admin and before.get("user_role") != row.get("user_role"):
        raise Forbidden("LiteLLM has an administrator of this name. Use that account's own key.")
    note = note_of(rule, grant, fields)
    if ours(row) == note:
        return {}
    changes: dict[str, Any] = {"metadata": {**metadata_of(row), METADATA: note}}
    teams, earlier = set(grant.teams), set(before.get("teams", ()))
    member_of = set(row.get("teams") or ())
    if join := sorted(teams - member_of):
        changes["join"] = join
    if leave := sorted((earlier - teams) & member_of):
        changes["leave"] = leave
    if not before:  # the user was there already: what the row allows beyond the policy ends here
        before, fields = dict(row), fields_of(grant.meet(limits_of(row)))
        fields["user_role"] = row.get("user_role")
    present = {**row, "models": litellm_models(models_of(row.get("models")))}
    before = {**before, "models": litellm_models(models_of(before.get("models")))}
    for name, value in fields.items():
        now = present.get(name)
        if name != "teams" and value != now and now == before.get(name):
            changes[name] = value
    if changes.get("models") == []:
        changes["models"] = [_ALL]  # LiteLLM takes an empty list for no change
    if "user_role" in changes:  # with a role LiteLLM sets a budget of its own where none is named
        changes = {**{name: row.get(name) for name in BUDGET}, **changes}
    return changes


def metadata_of(row: Row) -> dict[str, Any]:
    """The metadata of a row, of whomever."""
    found = row.get("metadata")
    return found if isinstance(found, dict) else {}
