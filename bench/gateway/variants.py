"""Settings of LiteLLM under comparison: a variant is what it changes of LiteLLM's own defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_lib.config import CONFIG_DIR, read
from gateway_lib.config.merging import merged

LOCAL = frozenset({"PYTHON_GC_THRESHOLD"})
"""Those of the stack's variables that the image has not."""
VARIABLES = frozenset({*LOCAL, "LITELLM_LOG"})
"""Those that LiteLLM's defaults go without."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What is changed, in the three places in which LiteLLM is told: variables, options, configuration.

    Attributes:
        name: as the table calls it.
        variables: of the process.
        options: of the command line.
        settings: laid over the configuration.
        verdict: whether it is used, and why; for people.
        deployed: on top of what is deployed, instead of LiteLLM's defaults.
    """

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    deployed: bool = False

    def environment(self, stack: Mapping[str, str]) -> dict[str, str]:
        """The variables of LiteLLM's process, made from those of the local stack."""
        dropped = LOCAL if self.deployed else VARIABLES
        return {**{k: v for k, v in stack.items() if k not in dropped}, **self.variables}

    def command(self, stack: Sequence[str], configuration: Path) -> list[str]:
        """The command line of LiteLLM, made from that of the local stack."""
        dropped = ("--config=",) if self.deployed else ("--config=", "--log_config=")
        kept = [part for part in stack if not part.startswith(dropped)]
        return [*kept, f"--config={configuration}", *self.options]

    def configuration(self, stack: Mapping[str, Any]) -> dict[str, Any]:
        """LiteLLM's configuration: the stack's providers, but the general settings that are deployed."""
        general = read(CONFIG_DIR / "default-config.yaml")["general_settings"]
        return merged({**stack, "general_settings": general}, self.settings)
