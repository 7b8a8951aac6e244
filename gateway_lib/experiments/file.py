"""An experiment's file, `config/experiments/<name>.yaml`: all that is said before there is any traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from gateway_lib.errors import ExperimentFileError
from gateway_lib.experiments.metrics import BUILT_IN, Analysis, Margin, Metric, Part, Primary
from gateway_lib.settings import PROJECT_ROOT
from middleware.experiments.definition import Definition, digest

EXPERIMENTS = PROJECT_ROOT / "config" / "experiments"


class Experiment(Part):
    """What is believed, what is tried, and what decides."""

    hypothesis: str = Field(min_length=1)
    """What is expected, and why, in a sentence or two."""
    routing: Definition
    """Arms, and who gets which; the part that the service reads."""
    primary: Primary
    """The metric that decides."""
    secondary: tuple[str, ...] = ()
    """Metrics that are shown beside it, corrected for their number."""
    guardrails: tuple[Margin, ...] = ()
    """Metrics that must not become worse by more than a margin."""
    metrics: tuple[Metric, ...] = ()
    """Of its own, beside those that are built in; for values that are sent as feedback."""
    analysis: Analysis = Analysis()

    @model_validator(mode="after")
    def _measures_what_it_names(self) -> Self:
        known = self.known_metrics()
        named = [self.primary.metric, *self.secondary, *(g.metric for g in self.guardrails)]
        if unknown := sorted(set(named) - known.keys()):
            names = ", ".join(sorted(known))
            raise ValueError(f"there is no metric {', '.join(unknown)}; there are {names}")
        if self.primary.metric in self.secondary:
            raise ValueError("the primary metric cannot be a secondary one too")
        return self

    @property
    def name(self) -> str:
        return self.routing.name

    def known_metrics(self) -> dict[str, Metric]:
        """Every metric that the file may name."""
        return {**BUILT_IN, **{metric.name: metric for metric in self.metrics}}

    def metric(self, name: str) -> Metric:
        return self.known_metrics()[name]

    def document(self) -> dict[str, Any]:
        """The whole file as the JSON that is frozen when it starts."""
        return self.model_dump(mode="json", exclude_defaults=False)

    @property
    def digest(self) -> str:
        """What distinguishes this version from another one, as 64 hexadecimal digits."""
        return digest(self.document())


def path_of(source: str | Path) -> Path:
    """The file that a path, or a name in `config/experiments`, stands for."""
    path = Path(source)
    return path if path.suffix in (".yaml", ".yml") else EXPERIMENTS / f"{source}.yaml"


def load(source: str | Path) -> Experiment:
    """The experiment of a file, or of a name in `config/experiments`.

    Raises:
        ExperimentFileError: There is none, or something in it is not right; a line for each mistake.
    """
    path = path_of(source)
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        known = ", ".join(sorted(found.stem for found in EXPERIMENTS.glob("*.yaml"))) or "none"
        raise ExperimentFileError(f"{path}: {error.strerror}; there are: {known}") from None
    except yaml.YAMLError as error:
        raise ExperimentFileError(f"{path}: not YAML: {error}") from None
    return parse(document, str(path))


def parse(document: Any, where: str) -> Experiment:
    """An experiment of a decoded file; `where` names it in an error.

    Raises:
        ExperimentFileError: Something in it is not right; a line for each mistake.
    """
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        lines = [
            f"{where}: {'.'.join(str(part) for part in each['loc']) or 'file'}: "
            + each["msg"].removeprefix("Value error, ")
            for each in error.errors()
        ]
        raise ExperimentFileError("\n".join(lines)) from None
