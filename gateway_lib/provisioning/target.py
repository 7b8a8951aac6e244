"""A roster and a gateway, opened together: what the command line and the notebook both need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway_lib.clients import AdminClient
from gateway_lib.errors import GatewayUnreachable
from gateway_lib.provisioning.live import read_state
from gateway_lib.provisioning.plan import Plan, plan
from gateway_lib.provisioning.reading import read_roster
from gateway_lib.provisioning.wanted import WantedUser, wanted_users


@dataclass(frozen=True)
class Target:
    """What a roster asks for, and the gateway that it asks it of."""

    wanted: Mapping[str, WantedUser]
    admin: AdminClient

    @classmethod
    def of(cls, roster: Path, admin: AdminClient) -> Target:
        """Read a roster for a gateway.

        Raises:
            RosterError: The roster cannot be read, or something in it is not right.
        """
        return cls(wanted_users(read_roster(roster)), admin)

    def plan(self, *, revoke_absent: bool = False) -> Plan:
        """Compare with what the gateway has now.

        Raises:
            GatewayUnreachable: The gateway does not answer, or the key is not an administrator's.
        """
        budgeted = [
            user.user_id for user in self.wanted.values() if user.fields["model_max_budget"]
        ]
        return plan(
            self.wanted,
            read_state(self.admin, detailed=budgeted),
            now=datetime.now(UTC),
            revoke_absent=revoke_absent,
            served=self._served(),
        )

    def _served(self) -> list[str]:
        """Models by name; none where the gateway does not tell, and then nobody is warned."""
        try:
            rows = self.admin.get("/v1/models").get("data") or []
        except GatewayUnreachable:
            return []
        return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]
