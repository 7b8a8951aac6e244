"""prisma-client-py's client, generated from a Prisma schema.

The Prisma CLI would do this by starting the generator and handing it the parsed schema as one line of
JSON-RPC. Its WASM schema parser is enough for that; the CLI itself (and the native engines it looks for)
is not needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway_lib.local.prisma.errors import PrismaError

ENGINE_VERSION = "605197351a3c8bdd595af2d2a9bc3025bca48ea2"
"""Commit of prisma-engines behind the npm packages of version 5.22.0."""
LITELLM_APPENDIX = """
# LiteLLM 1.106 replaces the engine under the name this attribute had in prisma-client-py 0.11. Without it
# LiteLLM counts every reconnection as failed, and notices only the first death of the engine at once.
setattr(Prisma, "_Prisma__engine", Prisma._engine)
"""
_MARK = "gateway-workbench.generated"


def litellm_schema() -> Path:
    """LiteLLM's own Prisma schema."""
    return _package("litellm") / "proxy" / "schema.prisma"


def litellm_client() -> Path:
    """Where LiteLLM imports the generated client from: prisma-client-py's own package."""
    return _package("prisma")


def is_current(schema: Path, output: Path, appendix: str = "") -> bool:
    """Whether ``output`` holds the whole client that `generate` would write."""
    try:
        return (output / _MARK).read_text() == _made_from(schema, appendix)
    except OSError:
        return False


def generate(schema: Path, output: Path, node: Path, engine: Path, appendix: str = "") -> None:
    """Write the client for ``schema`` into the package ``output``.

    Args:
        schema: a ``schema.prisma`` whose first generator is prisma-client-py.
        output: the folder of the package to write; prisma-client-py's own, or a new one.
        node: the Node.js executable.
        engine: the engine's folder, with ``generator.mjs``.
        appendix: Python text to put at the end of the client's module.

    Raises:
        PrismaError: the schema cannot be read, or the generator failed.
    """
    (output / _MARK).unlink(missing_ok=True)
    result = subprocess.run(
        [sys.executable, "-m", "prisma"],
        # prisma-client-py reads pyproject.toml of the working directory
        cwd=engine,
        env={
            **os.environ,
            "PRISMA_GENERATOR_INVOCATION": "true",
            "PRISMA_EXPECTED_ENGINE_VERSION": ENGINE_VERSION,
        },
        input=json.dumps(_request(schema, output, node, engine)) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    reply = _reply(result.stderr)
    if reply is None or "error" in reply:
        message = reply["error"]["message"] if reply else result.stderr
        last = (message.strip() or f"status {result.returncode}").splitlines()[-1]
        raise PrismaError(f"the Prisma client cannot be generated from {schema.name}: {last}")
    with (output / "client.py").open("a") as module:
        module.write(appendix)
    (output / _MARK).write_text(_made_from(schema, appendix))


def versions() -> dict[str, str]:
    """The versions of the Python packages the generated client depends on."""
    try:
        return {name: version(name) for name in ("litellm", "litellm-proxy-extras", "prisma")}
    except PackageNotFoundError as error:
        raise PrismaError(
            f"the Python package {error.name} is missing: install requirements.lock"
        ) from error


def _request(schema: Path, output: Path, node: Path, engine: Path) -> dict[str, Any]:
    result = subprocess.run(
        [node, engine / "generator.mjs", schema], capture_output=True, text=True, check=False
    )
    if result.returncode:
        error = next((line for line in result.stderr.splitlines() if "Error" in line), "no reason")
        raise PrismaError(f"{schema.name} cannot be read: {error.strip()}")
    params = json.loads(result.stdout)
    params["generator"]["output"] = {"value": str(output), "fromEnvVar": None}
    params["version"] = ENGINE_VERSION
    return {"jsonrpc": "2.0", "id": 1, "method": "generate", "params": params}


def _reply(stderr: str) -> dict[str, Any] | None:
    for line in stderr.splitlines():
        if line.startswith("{") and '"jsonrpc"' in line:
            reply: dict[str, Any] = json.loads(line)
            return {key: value for key, value in reply.items() if value is not None}
    return None


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise PrismaError(f"the Python package {name} is missing: install requirements.lock")
    return Path(spec.origin).parent


def _made_from(schema: Path, appendix: str) -> str:
    digest = hashlib.sha256(schema.read_bytes())
    digest.update(f"{versions()['prisma']} {ENGINE_VERSION} {appendix}".encode())
    return digest.hexdigest()
