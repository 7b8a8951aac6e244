"""LiteLLM's database engine without a binary download.

LiteLLM keeps users, keys, budgets and spend in PostgreSQL through prisma-client-py, which starts a native
``query-engine`` program that it downloads. Here Prisma's official WASM engine behind a small Node.js server
takes its place (``engine/``), installed by npm from a lock file; nothing is fetched when LiteLLM runs.

`prepare` installs the engine and generates the client, `migrate` brings a database up to LiteLLM's schema.
"""

from __future__ import annotations

from gateway_lib.local.prisma.engine import Engine
from gateway_lib.local.prisma.errors import PrismaError
from gateway_lib.local.prisma.migrations import migrate
from gateway_lib.local.prisma.preparation import prepare

__all__ = ["Engine", "PrismaError", "migrate", "prepare"]
