"""Parameters of a notebook: which there are, and what a given value means.

papermill only warns of an unknown parameter and takes any type. A typo would then run the defaults
under a wrong name, so both are errors here, before anything starts.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional, Union

import yaml
from nbformat import NotebookNode
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gateway_lib.errors import ParameterTypeError, SecretInParameter, UnknownParameter
from gateway_lib.runs.redaction import Redactor

_ANNOTATIONS = {"Any": Any, "Literal": Literal, "Optional": Optional, "Union": Union}
_SECRET_PARTS = {"key", "apikey", "secret", "password", "passwd", "token", "credential"}
_NAMING_PARTS = {"name", "variable", "env", "id"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook: name, type as written or that of the default, default."""

    name: str
    kind: Any
    kind_text: str
    default: Any

    def check(self, value: Any) -> Any:
        """The value, if it is of the parameter's type (an int will do for a float).

        Raises:
            ParameterTypeError: It is not.
        """
        try:
            adapter = TypeAdapter(self.kind, config=ConfigDict(strict=True))
            return adapter.validate_python(value)
        except ValidationError:
            raise ParameterTypeError(
                f"parameter {self.name}: {value!r} is not of type {self.kind_text}"
                f" (default: {self.default!r})"
            ) from None

    def read(self, text: str) -> Any:
        """Value of the text of `-p name=text`: YAML, or plain words with commas for a list.

        Raises:
            ParameterTypeError: No reading of the text is of the parameter's type.
        """
        for reading in _readings(text):
            with contextlib.suppress(ParameterTypeError):
                return self.check(reading)
        return self.check(text)


def _readings(text: str) -> list[Any]:
    readings: list[Any] = []
    with contextlib.suppress(yaml.YAMLError):
        readings.append(yaml.safe_load(text))
    readings.append(text)
    with contextlib.suppress(ValueError):
        readings.append(float(text))  # YAML 1.1 takes 1e3 for a word
    if not text.startswith("["):
        words = [word.strip() for word in text.split(",") if word.strip()]
        with contextlib.suppress(yaml.YAMLError):
            readings.append([yaml.safe_load(word) for word in words])
        readings.append(words)
    return readings


def notebook_parameters(notebook: NotebookNode) -> dict[str, Parameter]:
    """Parameters of the first cell tagged `parameters`, in order; none when there is no such cell.

    Raises:
        ParameterTypeError: A default is not a literal, or does not fit its own annotation.
    """
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            found = (_parameter(statement) for statement in ast.parse(cell.source).body)
            return {parameter.name: parameter for parameter in found if parameter}
    return {}


def _parameter(statement: ast.stmt) -> Parameter | None:
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
        value, annotation = statement.value, statement.annotation
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value, annotation = statement.targets[0], statement.value, None
    else:
        return None
    if not isinstance(target, ast.Name) or value is None:
        return None
    try:
        default = ast.literal_eval(value)
    except ValueError:
        raise ParameterTypeError(
            f"parameter {target.id}: its default must be a literal, not {ast.unparse(value)}"
        ) from None
    kind, text = _kind(annotation, default)
    parameter = Parameter(target.id, kind, text, default)
    parameter.check(default)
    return parameter


def _kind(annotation: ast.expr | None, default: Any) -> tuple[Any, str]:
    if annotation is None:
        return (Any, "any") if default is None else (type(default), type(default).__name__)
    text = ast.unparse(annotation)
    try:
        # The notebook is about to be executed anyway: its annotations are as trusted as its cells.
        return eval(text, dict(_ANNOTATIONS)), text  # noqa: S307
    except Exception as error:
        raise ParameterTypeError(f"annotation {text} cannot be used: {error}") from None


def split_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """`["n=3", "model=x"]` as a dictionary of texts.

    Raises:
        ParameterTypeError: One is not of the form name=value.
    """
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip().isidentifier():
            # The text may be a secret that was typed in the wrong place, so it is not repeated.
            raise ParameterTypeError("-p takes name=value, for example -p n=20")
        texts[name.strip()] = text.strip()
    return texts


def refuse_secrets(values: Mapping[str, Any], redactor: Redactor) -> None:
    """Refuse parameters that would put a secret into the executed notebook.

    Raises:
        SecretInParameter: By its name or by its value one is a secret; the value is not repeated.
    """
    for name, value in values.items():
        parts = re.split(r"_+", name.lower())
        by_name = _SECRET_PARTS & set(parts) and parts[-1] not in _NAMING_PARTS
        if (by_name and isinstance(value, str) and value) or redactor.holds(str(value)):
            raise SecretInParameter(
                f"parameter {name} looks like a secret, and parameters are written into the run:"
                " put it into the environment or .env and pass the variable's name"
            )


def refuse_unknown(names: Sequence[str], known: Mapping[str, Parameter], notebook: str) -> None:
    """Refuse names the notebook does not have.

    Raises:
        UnknownParameter: The text lists those it has.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise UnknownParameter(f"{notebook} has no parameter {', '.join(unknown)}; {has}")
