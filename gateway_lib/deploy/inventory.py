"""What Copilot knows already: `init` of something that is there fails, so it is asked first."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_lib.deploy.copilot import Copilot
from gateway_lib.deploy.site import Site
from gateway_lib.errors import CopilotFailed


@dataclass(frozen=True)
class Inventory:
    """Names of what is there, in the account and region of the credentials."""

    application: bool = False
    environments: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()


def take(copilot: Copilot, site: Site) -> Inventory:
    """Ask Copilot.

    Raises:
        CopilotFailed: It does not tell.
    """
    if site.application not in copilot.ask(["app", "ls"]).split():
        return Inventory()
    named = {
        kind: _names(copilot, group, kind, site.application)
        for group, kind in (("env", "environments"), ("svc", "services"), ("job", "jobs"))
    }
    return Inventory(True, named["environments"], named["services"], named["jobs"])


def _names(copilot: Copilot, group: str, kind: str, application: str) -> frozenset[str]:
    listed = copilot.ask_json([group, "ls", "--app", application]).get(kind) or []
    try:
        return frozenset(str(entry["name"]) for entry in listed)
    except (KeyError, TypeError):
        raise CopilotFailed(f"`copilot {group} ls --json` lists something without a name") from None
