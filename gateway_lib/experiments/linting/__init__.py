"""`gateway lint`: what is wrong with an experiment's file, before it gets any traffic.

A file that cannot be read is a finding, and so is one that can be read and would mislead: arms that are the
same, a fixed test that stops itself half way, a margin nobody meant. The rules are in `rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway_lib.config.linting.document import Document
from gateway_lib.config.linting.document import load as read
from gateway_lib.errors import ExperimentFileError
from gateway_lib.experiments.file import EXPERIMENTS, Experiment
from gateway_lib.experiments.linting.draft import Draft, served_models
from gateway_lib.experiments.linting.rules import RULES
from gateway_lib.findings import Finding, failing

UNREADABLE = "experiment/unreadable"
INVALID = "experiment/not-valid"
NAME = "experiment/name-differs"
LAYER = "experiment/layer-overbooked"
_TOLERANCE = 1e-9


def lint(path: Path, models: Iterable[str] | None = None) -> list[Finding]:
    """Check a file.

    Args:
        path: An experiment's file.
        models: Those that the gateway has; all of the configuration and of its overlays when not given.

    Returns:
        What was found, by line; empty where nothing is wrong.
    """
    return _checked(path, models)[1]


def refuse_faulty(findings: Iterable[Finding]) -> None:
    """Raise where there is an error among them; a file that misleads is not started.

    Raises:
        ExperimentFileError: A line for each error.
    """
    if errors := failing(findings):
        raise ExperimentFileError(
            "\n".join(f"{one.path}:{one.line}: {one.problem}" for one in errors)
        )


def lint_folder(folder: Path = EXPERIMENTS, models: Iterable[str] | None = None) -> list[Finding]:
    """Check every file of a folder, and whether the experiments of a layer could run side by side."""
    known = served_models() if models is None else list(models)
    checked = [_checked(path, known) for path in sorted(folder.glob("*.yaml"))]
    drafts = [draft for draft, _ in checked if draft is not None]
    return [*(one for _, found in checked for one in found), *_overbooked(drafts)]


def is_experiment(path: Path) -> bool:
    """Whether a YAML file is meant as an experiment's."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return path.resolve().parent == EXPERIMENTS.resolve()
    return isinstance(content, dict) and bool({"routing", "hypothesis"} & content.keys())


def _checked(path: Path, models: Iterable[str] | None) -> tuple[Draft | None, list[Finding]]:
    try:
        document = read(path)
    except OSError as error:
        return None, [_unreadable(path, 0, f"The file cannot be read: {error.strerror}.")]
    except UnicodeDecodeError:
        return None, [_unreadable(path, 0, "The file is not UTF-8 text.")]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        return None, [_unreadable(path, line, f"Not valid YAML: {getattr(error, 'problem', '')}.")]
    try:
        experiment = Experiment.model_validate(document.content)
    except ValidationError as error:
        return None, sorted(_invalid(document, error))
    draft = Draft(document, experiment, tuple(served_models() if models is None else models))
    found = {one for rule in RULES for one in rule.findings(draft)}
    if path.suffix in (".yaml", ".yml") and path.stem != experiment.name:
        found.add(
            Finding(
                path,
                draft.line("routing", "name"),
                NAME,
                f"The file is `{path.name}` and the experiment `{experiment.name}`: nobody finds"
                " it by its name.",
                f"Rename the file to `{experiment.name}.yaml`.",
            )
        )
    return draft, sorted(found)


def _invalid(document: Document, error: ValidationError) -> Iterator[Finding]:
    for each in error.errors():
        where = each["loc"]
        line = next(
            (
                found[1]
                for end in range(len(where), 0, -1)
                if (found := document.find(*where[:end]))
            ),
            1,
        )
        named = ".".join(str(part) for part in where) or "the file"
        said = each["msg"].removeprefix("Value error, ").rstrip(".")
        mend = "Write it as docs/experiments.md has it."
        yield Finding(document.path, line, INVALID, f"`{named}`: {said}.", mend)


def _unreadable(path: Path, line: int, problem: str) -> Finding:
    return Finding(path, line, UNREADABLE, problem, "Mend the file.")


def _overbooked(drafts: Iterable[Draft]) -> Iterator[Finding]:
    layers: dict[str, list[Draft]] = {}
    for draft in drafts:
        layers.setdefault(draft.routing.layer, []).append(draft)
    for layer, together in layers.items():
        if len(together) > 1 and sum(one.routing.ramp[-1] for one in together) > 1 + _TOLERANCE:
            names = ", ".join(one.experiment.name for one in together)
            last = together[-1]
            yield last.warning(
                LAYER,
                ("routing",),
                f"{names} together need more than all units of the layer `{layer}`: the gateway will not run"
                " all of them side by side.",
                "Give one a `layer` of its own, or lower the last step of a `ramp`.",
            )
