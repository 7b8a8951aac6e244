"""The demo user of a local stack, so that a client has a key at once."""

from __future__ import annotations

import httpx

from gateway_lib.errors import ComponentFailed
from gateway_lib.local.state import Secrets

USER_ID = "demo"
BUDGET_DOLLARS = 100.0
PROMPT_ARN = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTTXT1:2"
"""A prompt of the simulator's; its variables are `city` and `tone`."""


def ensure_user(base_url: str, secrets: Secrets) -> None:
    """Create the demo user and its key through the front door, where they do not exist yet."""
    headers = {"Authorization": f"Bearer {secrets.master_key}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30, trust_env=False) as client:
        if client.get("/key/info", params={"key": secrets.demo_key}).is_success:
            return
        user = {
            "user_id": USER_ID,
            "user_email": "demo@example.com",
            "user_role": "internal_user",
            "max_budget": BUDGET_DOLLARS,
            "budget_duration": "30d",
            "auto_create_key": False,
        }
        created = client.post("/user/new", json=user)
        if not created.is_success and created.status_code != httpx.codes.CONFLICT:
            raise ComponentFailed(_refused("user", created))
        key = {"user_id": USER_ID, "key": secrets.demo_key, "key_alias": "demo"}
        made = client.post("/key/generate", json=key)
        if not made.is_success:
            raise ComponentFailed(_refused("key", made))


def _refused(what: str, response: httpx.Response) -> str:
    return f"the demo {what} could not be created: {response.status_code} {response.text[:300]}"
