from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway_lib.clients import AdminClient
from gateway_lib.provisioning import Applier, KeyFile, Outcome, Plan, Target, wanted_users
from gateway_lib.provisioning.roster import Roster
from gateway_lib.settings import Settings, settings_of
from tests.lib.provisioning.gateway import ADMIN, SmallGateway


class Office:
    """A small gateway, a file for the keys, and everything between them."""

    def __init__(self, gateway: SmallGateway, folder: Path) -> None:
        self.gateway = gateway
        self.folder = folder
        self.settings: Settings = settings_of(
            {
                "GATEWAY_BASE_URL": gateway.url,
                "GATEWAY_MASTER_KEY": ADMIN,
                "GATEWAY_TIMEOUT_S": "10",
            }
        )
        self.admin = AdminClient(self.settings)
        self.file = KeyFile(folder / "keys.json")

    def target(self, document: dict) -> Target:
        return Target(wanted_users(Roster.model_validate(document)), self.admin)

    def plan(self, document: dict, **options) -> Plan:
        return self.target(document).plan(**options)

    def apply(self, document: dict, **options) -> list[Outcome]:
        made = self.plan(document, **options)
        return list(Applier(self.admin, self.file, self.gateway.url).apply(made))

    def write(self, document: dict) -> Path:
        path = self.folder / "roster.yaml"
        path.write_text(yaml.safe_dump(document))
        return path


@pytest.fixture(scope="session")
def small_gateway() -> Iterator[SmallGateway]:
    gateway = SmallGateway()
    yield gateway
    gateway.close()


@pytest.fixture
def office(small_gateway: SmallGateway, tmp_path: Path) -> Iterator[Office]:
    small_gateway.forget()
    made = Office(small_gateway, tmp_path)
    yield made
    made.admin.close()
