"""Installing the engine: once, again, interrupted, twice at a time, and when it cannot be done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gateway_lib.local import prisma
from gateway_lib.local.prisma import engine as installed
from gateway_lib.local.prisma import node, packages
from gateway_lib.local.prisma.preparation import STAMP

HERE = Path(__file__).parent
PREPARE = (
    "import sys, pathlib; from gateway_lib.local import prisma;"
    "prisma.prepare(lambda line: print(line, flush=True), root=pathlib.Path(sys.argv[1]))"
)


def preparing(root: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(root)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def root(engine: prisma.Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second installation, beside the environment's own."""
    root = tmp_path_factory.mktemp("prepared") / "prisma"
    prisma.prepare(root=root)
    return root


def test_it_is_done_once_and_then_costs_nothing(root: Path) -> None:
    said: list[str] = []
    began = time.monotonic()
    prepared = prisma.prepare(said.append, root=root)
    assert time.monotonic() - began < 0.2
    assert said == []
    assert os.access(prepared.executable, os.X_OK)
    assert prepared.environment["DISABLE_SCHEMA_UPDATE"] == "true"


def test_a_change_installs_again(root: Path) -> None:
    stamp = root / STAMP
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "made_from": "before"}))
    leftover = root / "leftover"
    leftover.touch()
    said: list[str] = []
    prisma.prepare(said.append, root=root)
    assert [line.split()[0] for line in said] == ["installing"]
    assert not leftover.exists()


def test_two_at_once_install_once(engine: prisma.Engine, tmp_path: Path) -> None:
    both = [preparing(tmp_path / "prisma") for _ in range(2)]
    output = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], output
    assert "".join(output).count("installing") == 1


def test_an_interrupted_one_is_done_again(engine: prisma.Engine, tmp_path: Path) -> None:
    root = tmp_path / "prisma"
    process = preparing(root)
    assert process.stdout is not None
    assert "installing" in process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (root / STAMP).exists()
    prepared = prisma.prepare(root=root)
    assert (root / STAMP).exists()
    assert (root / "node_modules" / "pg").is_dir()
    assert prepared.executable.exists()


def test_nothing_goes_into_the_home(engine: prisma.Engine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # the home's npm configuration may be what names the registry
    configuration = os.environ.get("NPM_CONFIG_USERCONFIG", str(Path.home() / ".npmrc"))
    process = preparing(tmp_path / "prisma", HOME=str(home), NPM_CONFIG_USERCONFIG=configuration)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert list(home.iterdir()) == []


def test_npm_that_fails_is_quoted(engine: prisma.Engine, tmp_path: Path) -> None:
    process = preparing(
        tmp_path / "prisma",
        NPM_CONFIG_REGISTRY="http://127.0.0.1:9",
        NPM_CONFIG_FETCH_RETRIES="0",
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    error = output.strip().splitlines()[-1]
    assert error.startswith("gateway_lib.local.prisma.errors.PrismaError: npm ci failed: ")
    assert "127.0.0.1:9" in error


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(prisma.PrismaError, match="cannot be installed: File exists"):
        prisma.prepare(root=tmp_path / "file" / "prisma")


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((packages.source() / "package-lock.json").read_text())
    assert "resolved" not in json.dumps(lock)
    wanted = {name: version for name, version in lock["packages"][""]["dependencies"].items()}
    assert all(version[0].isdigit() for version in wanted.values()), "exact versions only"
    assert all("integrity" in each for name, each in lock["packages"].items() if name)


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def on_path_of_its_own(folder: Path, wheel: node.Node) -> node.Node | None:
    place = folder / "bin"
    place.mkdir()
    program(place / "node", f'exec "{wheel.executable}" "$@"')
    program(place / "npm", f'exec {" ".join(wheel.npm)} "$@"')
    return node.on_path(f"{place}:/usr/bin:/bin")


def test_the_machines_node(tmp_path: Path) -> None:
    program(tmp_path / "npm", "exit 0")
    program(tmp_path / "node", "echo /usr/bin/node; echo 18.0.0")
    assert node.on_path(str(tmp_path)) == node.Node(Path("/usr/bin/node"), (f"{tmp_path}/npm",))
    program(tmp_path / "node", "echo /usr/bin/node; echo 16.20.2")
    assert node.on_path(str(tmp_path)) is None
    found = node.find(str(tmp_path))
    assert found == node.in_wheel()
    assert found.executable.exists()


@pytest.mark.parametrize("which", ["machine", "wheel"])
async def test_both_nodes_run_the_engine(
    which: str,
    every_type: object,
    every_type_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheel = node.in_wheel()
    assert wheel is not None, "it is among our requirements"
    # where the machine has none, the wheel's stands on PATH for it: what differs is how it is found
    chosen = (
        (node.on_path() or on_path_of_its_own(tmp_path, wheel)) if which == "machine" else wheel
    )
    assert chosen is not None
    packages.install(tmp_path, chosen)
    installed.lay_out(tmp_path, chosen)
    for name, value in installed.engine(tmp_path).environment.items():
        monkeypatch.setenv(name, value)
    db = every_type.Prisma(datasource={"url": every_type_url})
    await db.connect()
    assert psutil.Process(db._engine.process.pid).exe() == str(chosen.executable.resolve())
    assert await db.query_raw("SELECT 1 AS one") == [{"one": 1}]
    await db.disconnect()


def test_the_prisma_cli_is_neither_there_nor_fetched(engine: prisma.Engine, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "prisma", "migrate", "diff"],
        env={**os.environ, "HOME": str(tmp_path), "NPM_CONFIG_REGISTRY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("prisma migrate: not needed and not installed")
    assert list(tmp_path.iterdir()) == []
