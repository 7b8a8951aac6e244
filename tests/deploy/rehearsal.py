"""The steps of a Dockerfile, done without Docker: below a folder that stands for the image's root.

The base image is a Python environment that is there already. Paths of the image become paths below the
folder, in COPY, ENV, RUN, CMD alike; what is copied obeys `.dockerignore`.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.dockerfile import Dockerfile, Instruction, Stage

_OURS = re.compile(r"(?<![\w.-])/(gateway|opt/gateway|build)(?=[/:\s\"']|$)")
_NETWORK = ("PIP_", "UV_", "SSL_", "http", "no_proxy", "HTTP", "NO_PROXY")


@dataclass
class Rehearsal:
    """An image being made.

    Attributes:
        file: what makes it.
        context: the project.
        root: of the image.
        base: the folder of programs that the base image is taken to have.
    """

    file: Dockerfile
    context: Path
    root: Path
    base: Path = Path(sys.executable).parent

    @property
    def _with_uv(self) -> Mapping[str, str]:
        """uv where a RUN has pip: the same lock, in seconds. And no compiling, which changes nothing here."""
        uv = Path(sys.executable).with_name("uv")
        return {
            "python -m venv": f"{uv} venv -q --python {self.base / 'python'}",
            "/opt/gateway/bin/pip install": f"{uv} pip install -q --python /opt/gateway/bin/python",
            "-j 0 /opt/gateway ": "-j 0 ",
        }

    def build(self) -> None:
        for stage in self.file.stages:
            self._stage(stage)

    def environment(self) -> dict[str, str]:
        """Of a process in the image: the image's variables and the little that any process has."""
        return self._environment(self.file.final)

    def command(self) -> list[str]:
        """What a container of the image runs."""
        entry = [w for each in self.file.final.all("ENTRYPOINT")[-1:] for w in each.words]
        return [self.placed(w) for w in [*entry, *self.file.final.last("CMD").words]]

    @property
    def folder(self) -> Path:
        """Where a container of the image starts."""
        named = self.file.final.all("WORKDIR")
        return Path(self.placed(named[-1].text)) if named else self.root

    def placed(self, text: str) -> str:
        """A text with paths of the image as they are here."""
        return _OURS.sub(lambda found: f"{self.root}/{found[1]}", text)

    def _stage(self, stage: Stage) -> None:
        folder = self.root
        for each in stage.instructions:
            if each.name == "WORKDIR":
                folder = Path(self.placed(each.text))
                folder.mkdir(parents=True, exist_ok=True)
            elif each.name == "COPY":
                self._copy(each, folder)
            elif each.name == "RUN":
                # where packages come from, and by which way, is this machine's matter
                network = {n: v for n, v in os.environ.items() if n.startswith(_NETWORK)}
                own = {"HOME": os.environ.get("HOME", "/"), **network}
                self._run(each, folder, {**self._environment(stage), **own})

    def _environment(self, stage: Stage) -> dict[str, str]:
        outside = {"PATH": f"{self.base}:/usr/bin:/bin", "HOME": str(self.root)}
        for name, value in stage.environment.items():
            outside[name] = self.placed(value).replace("$PATH", outside["PATH"])
        return outside

    def _copy(self, each: Instruction, folder: Path) -> None:
        *sources, target = [word for word in each.words if not word.startswith("--")]
        place = Path(self.placed(target))
        destination = place if place.is_absolute() else folder / place
        from_stage = any(word.startswith("--from=") for word in each.words)
        for source in sources:
            if from_stage:
                paths = [Path(self.placed(source))]
            else:
                paths = [p for p in sorted(self.context.glob(source)) if self.is_sent(p)]
            assert paths, f"{self.file.path.name}:{each.line}: nothing is {source}"
            for path in paths:
                self._put(path, destination, target.endswith("/") or target == "./")

    def _put(self, path: Path, destination: Path, into: bool) -> None:
        if path.is_dir():
            if path != destination:
                shutil.copytree(path, destination, dirs_exist_ok=True, ignore=self._unsent)
        else:
            file = destination / path.name if into or destination.is_dir() else destination
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, file)

    def _run(self, each: Instruction, folder: Path, environment: Mapping[str, str]) -> None:
        text = self.placed(each.text)
        for word, instead in self._with_uv.items():
            text = text.replace(self.placed(word), self.placed(instead))
        done = subprocess.run(
            ["/bin/sh", "-ec", text], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{self.file.path.name}:{each.line}: {done.stderr[-2000:]}"

    def is_sent(self, path: Path) -> bool:
        """Whether `.dockerignore` lets a path of the project through; the last rule that fits counts."""
        relative = path.relative_to(self.context).as_posix()
        sent = True
        for line in (self.context / ".dockerignore").read_text().splitlines():
            rule = line.strip()
            if not rule or rule.startswith("#"):
                continue
            lets, pattern = rule.startswith("!"), rule.removeprefix("!")
            if _fits(relative, pattern):
                sent = lets
        return sent

    def _unsent(self, folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        if not here.is_relative_to(self.context):
            return set()
        return {name for name in names if not self.is_sent(here / name)}


def _fits(path: str, pattern: str) -> bool:
    """Whether a path or a folder above it is what a rule names."""
    parts = path.split("/")
    heads = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    deep = pattern.removeprefix("**/")
    if deep != pattern:
        return any(fnmatch.fnmatchcase(part, deep) for part in parts)
    return any(
        head.count("/") == pattern.count("/") and fnmatch.fnmatchcase(head, pattern)
        for head in heads
    )
