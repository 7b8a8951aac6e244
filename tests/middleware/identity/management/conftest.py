"""A key of a person who manages their own."""

from __future__ import annotations

import pytest

from tests.middleware.history.litellm import MODEL


@pytest.fixture
async def key(shared):
    """A key of an internal user that an administrator made, in a LiteLLM without any other."""
    litellm = shared.litellm
    litellm.add_user("grace", max_budget=40.0, budget_duration="30d", models=[MODEL], teams=["t1"])
    yield litellm.give("grace", max_parallel_requests=4)
    litellm.keys = {  # those of tokens stay, which the service knows of
        hashed: row
        for hashed, row in litellm.keys.items()
        if row.get("key_alias", "").startswith("token-")
    }
    litellm.users = {name: row for name, row in litellm.users.items() if "@" in name}
    litellm.told.clear()
