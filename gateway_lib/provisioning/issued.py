"""A key that the gateway has just issued, and the hash by which it knows it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr


@dataclass(frozen=True)
class IssuedKey:
    """A key that the gateway just made; printing it does not show its value."""

    user_id: str
    alias: str
    value: SecretStr
    gateway: str
    expires: datetime | None = None

    @property
    def token(self) -> str:
        """The hash by which the gateway knows it."""
        return token_of(self.value.get_secret_value())

    def document(self) -> dict[str, Any]:
        """What is delivered, with the value in clear."""
        return {
            "user_id": self.user_id,
            "alias": self.alias,
            "api_key": self.value.get_secret_value(),
            "base_url": self.gateway,
            "expires": self.expires.isoformat() if self.expires else None,
            "issued": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def token_of(value: str) -> str:
    """LiteLLM's hash of a key."""
    return hashlib.sha256(value.encode()).hexdigest()
