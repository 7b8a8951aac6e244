"""Somebody with keys of their own, and the most that those may have."""

from __future__ import annotations

from typing import Any

from middleware.auth import METADATA
from middleware.errors import Forbidden
from middleware.identity import asked, clamp
from middleware.identity.accounts import Row
from middleware.identity.grant import Grant


class Holder:
    """Somebody with a key of their own, and the most that their keys may have."""

    def __init__(self, user: Row, rule: str | None, grant: Grant) -> None:
        self.user_id = str(user["user_id"])
        self.teams = frozenset(user.get("teams") or ())
        self.rule = rule
        self.grant = grant

    def new_key(self, wanted: asked.AskedKey) -> dict[str, Any]:
        """The fields of a new key as LiteLLM takes them. Raises `Forbidden`."""
        if wanted.user_id not in (None, self.user_id):
            raise Forbidden("You may make keys for yourself only.")
        if wanted.team_id is not None and wanted.team_id not in self.teams:
            raise Forbidden("You are not a member of this team.")
        note = {"rule": self.rule, "priority": self.grant.priority}
        metadata = {METADATA: note} if self.rule or self.grant.priority is not None else {}
        if wanted.metadata:
            metadata |= wanted.metadata.model_dump(exclude_defaults=True)
        fields = clamp.new_key(wanted, self.grant)
        return {**fields, "user_id": self.user_id, **({"metadata": metadata} if metadata else {})}
