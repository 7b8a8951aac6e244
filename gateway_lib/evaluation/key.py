"""A key that lives for one night, so that notebooks never see the administrator's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway_lib.clients import AdminClient
from gateway_lib.settings import Settings

USER_ID = "evaluation"
LIFETIME = "12h"


@contextmanager
def temporary_key(settings: Settings, budget: float, name: str) -> Iterator[str]:
    """A key of the user `evaluation`, deleted afterwards; one that cannot be deleted expires.

    Args:
        settings: Name the gateway and the administrator's key.
        budget: Dollars that it may spend.
        name: Its alias, by which LiteLLM's pages show it.

    Raises:
        SettingsError: No gateway or no administrator's key is known.
        GatewayUnreachable: The gateway does not answer, or refuses.
    """
    with AdminClient(settings) as admin:
        made = admin.post(
            "/key/generate",
            user_id=USER_ID,
            key_alias=name,
            duration=LIFETIME,
            max_budget=budget,
        )
        key = str(made["key"])
        try:
            yield key
        finally:
            admin.post("/key/delete", keys=[key])
