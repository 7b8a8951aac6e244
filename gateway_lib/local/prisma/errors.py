"""The error of this package."""

from __future__ import annotations

from gateway_lib.errors import GatewayError


class PrismaError(GatewayError):
    """LiteLLM's database engine or its database cannot be prepared."""
