"""Where a deployment goes: which environment of which application, with which variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import yaml

from gateway_lib.errors import DeployError
from gateway_lib.settings import PROJECT_ROOT, env_file_variables, process_environment

SERVICE, JOB = "gateway", "evaluate"
"""The workloads of `copilot/`."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OF_COPILOT = ("COPILOT_APPLICATION_NAME", "COPILOT_ENVIRONMENT_NAME")


class Target(StrEnum):
    """What can be deployed to."""

    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


@dataclass(frozen=True)
class Site:
    """A target with the variables of the user's shell and `.env`.

    Attributes:
        target: Which environment.
        root: The folder that has `copilot/` and `config/`.
        variables: The user's variables; they hold secrets, so nothing prints them.
    """

    target: Target
    root: Path
    variables: Mapping[str, str]

    @classmethod
    def of(
        cls,
        target: Target | str,
        variables: Mapping[str, str] | None = None,
        root: Path = PROJECT_ROOT,
    ) -> Site:
        """The site of a target's name.

        Args:
            target: `local`, `dev` or `prod`.
            variables: Those of the process and `.env` when not given.
            root: The checkout.

        Raises:
            DeployError: There is no such target.
        """
        try:
            chosen = Target(target)
        except ValueError:
            known = ", ".join(Target)
            raise DeployError(f"no target is named {target!r}; there are {known}") from None
        return cls(chosen, root, own_variables() if variables is None else variables)

    def __repr__(self) -> str:
        return f"Site({self.target}, {self.root})"

    @property
    def environment(self) -> str:
        """Name of the Copilot environment."""
        return str(self.target)

    @property
    def tree(self) -> Path:
        return self.root / "copilot"

    @cached_property
    def application(self) -> str:
        """Name of the Copilot application, from `copilot/.workspace`.

        Raises:
            DeployError: The file is missing or names none.
        """
        path = self.tree / ".workspace"
        try:
            return str(yaml.safe_load(path.read_text())["application"])
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            raise DeployError(f"{path}: it does not name the application") from None

    @property
    def region(self) -> str:
        """The AWS region; empty where none is named."""
        return self.given("AWS_REGION") or self.given("AWS_DEFAULT_REGION")

    @property
    def domain(self) -> str:
        return self.given("DOMAIN_NAME")

    @property
    def certificate(self) -> str:
        return self.given("CERTIFICATE_ARN")

    def given(self, name: str) -> str:
        """A variable's value without blanks around it; empty where there is none."""
        return (self.variables.get(name) or "").strip()

    def manifests(self) -> list[Path]:
        """The manifests that this target's deployment reads."""
        return [
            self.tree / "environments" / self.environment / "manifest.yml",
            self.tree / SERVICE / "manifest.yml",
            self.tree / JOB / "manifest.yml",
        ]

    def wanted(self) -> list[str]:
        """Names of the variables that the manifests take from the shell, in order."""
        names: set[str] = set()
        for path in self.manifests():
            names |= variables_in(path)
        return sorted(names)


def own_variables() -> dict[str, str]:
    """The variables of the process and `.env`, without a gateway's keys under a provider's name.

    `gateway env` points clients at a gateway with OpenAI's and AWS's own variables. Such a value is no key of
    the provider, and must not be delivered to AWS as one: what `.env` has counts instead.
    """
    known, files = process_environment(), env_file_variables()
    gateways = {known.get("GATEWAY_API_KEY"), known.get("GATEWAY_MASTER_KEY")} - {None, ""}
    result = dict(known)
    for name, value in known.items():
        if value in gateways and not name.startswith("GATEWAY_"):
            del result[name]
            if files.get(name) and files[name] not in gateways:
                result[name] = files[name]
    return result


def variables_in(path: Path) -> set[str]:
    """Names of the `${VARIABLE}`s of a manifest, without those that Copilot itself sets.

    Comments do not count for Copilot either: it reads the YAML's values, not its text.
    """
    try:
        document = yaml.compose(path.read_text())
    except (OSError, yaml.YAMLError):
        return set()  # validate reports it, with the line
    names: set[str] = set()
    todo: list[yaml.Node] = [document] if document is not None else []
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.ScalarNode):
            names |= set(_VARIABLE.findall(node.value))
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif isinstance(node, yaml.MappingNode):
            todo += [part for pair in node.value for part in pair]
    return names - set(_OF_COPILOT)


def configuration_of(root: Path) -> Path:
    """The LiteLLM configuration that is deployed: the user's own, else the default one."""
    own = root / "config" / "config.yaml"
    return own if own.is_file() else root / "config" / "default-config.yaml"
