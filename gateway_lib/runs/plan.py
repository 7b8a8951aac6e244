"""What is to be run: notebooks found and parameters checked, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from gateway_lib.errors import NotebookNotFound, RunError
from gateway_lib.runs.parameters import (
    Parameter,
    notebook_parameters,
    refuse_secrets,
    refuse_unknown,
)
from gateway_lib.runs.redaction import Redactor
from gateway_lib.settings import PROJECT_ROOT

NOTEBOOKS = PROJECT_ROOT / "notebooks"


@dataclass(frozen=True)
class Plan:
    """A notebook and the values it is to run with; `replay_of` is the id of the run it does again."""

    notebook: Path
    known: Mapping[str, Parameter]
    passed: Mapping[str, Any]
    replay_of: str | None = None

    @property
    def effective(self) -> dict[str, Any]:
        """Value of every parameter: the one passed, else the default."""
        defaults = {name: parameter.default for name, parameter in self.known.items()}
        return {**defaults, **self.passed}

    @property
    def seed(self) -> int | None:
        """Value of the parameter `seed`, when there is one."""
        seed = self.effective.get("seed")
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def find_notebook(name: str) -> Path:
    """Path of a notebook given by path or by name, with or without `.ipynb`.

    Raises:
        NotebookNotFound: The text lists those in `notebooks/`.
    """
    named = name if name.endswith(".ipynb") else f"{name}.ipynb"
    for path in (Path(named), NOTEBOOKS / named):
        if path.is_file():
            return path.resolve()
    there = ", ".join(path.stem for path in all_notebooks()) or "none"
    raise NotebookNotFound(f"no notebook {name!r}; notebooks/ has {there}")


def all_notebooks() -> list[Path]:
    """Notebooks of the project in the order of their names."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def read_notebook(path: Path) -> NotebookNode:
    """A notebook file.

    Raises:
        RunError: It cannot be read, or is not a notebook.
    """
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except Exception as error:
        raise RunError(f"{path.name} is not a notebook: {type(error).__name__}") from None
    return notebook


def plan_notebook(notebook: Path) -> Plan:
    """Plan of a notebook with its defaults.

    Raises:
        RunError: It is not a notebook, or its parameters cell cannot be used.
    """
    try:
        return Plan(notebook, notebook_parameters(read_notebook(notebook)), {})
    except SyntaxError as error:
        raise RunError(f"{notebook.name}: parameters cell: {error}") from None


def plan_all(notebooks: Sequence[Path], texts: Mapping[str, str], redactor: Redactor) -> list[Plan]:
    """Plans of several notebooks that share `-p` parameters.

    Each notebook gets those it has; a parameter that none of them has is an error.

    Raises:
        UnknownParameter: No notebook has one of the parameters.
        ParameterTypeError: A value is not of the parameter's type.
        SecretInParameter: A parameter looks like a secret.
    """
    plans = [plan_notebook(notebook) for notebook in notebooks]
    together = {name: known for plan in plans for name, known in plan.known.items()}
    refuse_unknown(list(texts), together, " and ".join(path.stem for path in notebooks))
    refuse_secrets(texts, redactor)
    return [_with_values(plan, texts, redactor) for plan in plans]


def _with_values(plan: Plan, texts: Mapping[str, str], redactor: Redactor) -> Plan:
    own = {name: text for name, text in texts.items() if name in plan.known}
    given = replace(plan, passed={name: plan.known[name].read(text) for name, text in own.items()})
    refuse_secrets(given.effective, redactor)
    return given
