"""What all models of manifests share."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gateway_lib.deploy.tree.nodes import DURATION

Known = dict[int, list[str]]
"""By the identity of a mapping: the keys that the model it was checked with knows."""


class Section(BaseModel):
    """A mapping of a manifest. Other keys than its fields are faults: Copilot would drop them silently."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, populate_by_name=False
    )

    @model_validator(mode="before")
    @classmethod
    def _note_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            info.context[id(data)] = names
        return data


def _shape(value: Any) -> str:
    if isinstance(value, dict | BaseModel):
        return "mapping"
    return "list" if isinstance(value, list) else "plain"


def _duration(text: str) -> str:
    if not DURATION.fullmatch(text):
        raise PydanticCustomError(
            "duration", "a duration with its unit is needed, such as 30s or 1m30s"
        )
    return text


def _band(text: str) -> str:
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit()):
        raise PydanticCustomError("band", "two whole numbers with a dash are needed, such as 2-6")
    return text


by_shape = Discriminator(
    _shape,
    custom_error_type="shape",
    custom_error_message="a value of another shape is needed (text, list or mapping)",
)
M = TypeVar("M")
L = TypeVar("L")
P = TypeVar("P")
Plain = Annotated[P, Tag("plain")]
Mapping = Annotated[M, Tag("mapping")]
List = Annotated[L, Tag("list")]

Scalar = str | int | float | bool
"""Where Copilot wants text, YAML's numbers and booleans are taken as they are written."""
Duration = Annotated[str, AfterValidator(_duration)]
Band = Annotated[str, AfterValidator(_band)]
Port = Annotated[int, Field(ge=1, le=65535)]
Percentage = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=0)]


class FromStack(Section):
    """`from_cfn: name of an export`."""

    from_cfn: str | None = None


TextOrExport = Annotated[Plain[str] | Mapping[FromStack], by_shape]
Words = Annotated[Plain[str] | List[list[str]], by_shape]
