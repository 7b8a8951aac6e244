"""Checks request bodies against AWS's own service model, the one inside botocore.

The model is read once and compiled into plain closures, so that a check costs microseconds. A member the
model does not have is refused like any other violation: what this gateway does not know it cannot honour.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from middleware.bedrock.errors import ValidationException

Path = str | tuple[Any, str | int]
"""Where a value is: the path of what it is in, and its own name or index; put into words on a violation."""

Check = Callable[[Any, Path], None]
_EVENT_STREAM_LOCATIONS = ("uri", "header", "headers", "querystring", "statusCode")


@cache
def service() -> ServiceModel:
    """The Bedrock Runtime service model of the installed botocore."""
    return ServiceModel(
        Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime"
    )


@cache
def request(operation: str) -> Check:
    """A function that checks the JSON body of an operation's request.

    It raises `ValidationException` in AWS's words for the first violation; the second argument is the
    path of the value, empty for the whole body. Members that are null are absent for AWS, and so it takes
    them out; inside documents (tool inputs, schemas) a null is a value and stays.
    """
    shape = cast(StructureShape, service().operation_model(operation).input_shape)
    members = {
        name: member
        for name, member in shape.members.items()
        if member.serialization.get("location") not in _EVENT_STREAM_LOCATIONS
    }
    return _structure(shape, members, {})


def _compile(shape: Shape, known: dict[str, Check]) -> Check:
    if shape.name in known:
        return known[shape.name]
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return _anything
        # shapes refer to themselves, so the name has to be known before the members are
        known[shape.name] = lambda value, path: known[f"{shape.name}!"](value, path)
        known[f"{shape.name}!"] = _structure(shape, shape.members, known)
        known[shape.name] = known[f"{shape.name}!"]
        return known[shape.name]
    if isinstance(shape, ListShape):
        return _list(shape, _compile(shape.member, known))
    if isinstance(shape, MapShape):
        return _map(shape, _compile(shape.key, known), _compile(shape.value, known))
    if isinstance(shape, StringShape):
        return _string(shape)
    return {"blob": _blob, "boolean": _boolean}.get(shape.type_name) or _number(shape)


def _structure(shape: StructureShape, members: dict[str, Shape], known: dict[str, Check]) -> Check:
    checks = {name: _compile(member, known) for name, member in members.items()}
    required = [name for name in shape.required_members if name in checks]
    union = shape.is_tagged_union

    def check_union(value: Any, path: Path) -> None:
        if type(value) is dict and len(value) == 1:
            ((name, item),) = value.items()
            if name in checks and item is not None:
                checks[name](item, (path, name))
                return
        check(value, path)

    def check(value: Any, path: Path) -> None:
        if type(value) is not dict:
            raise ValidationException(f"{_at(path)} must be an object.")
        count = 0
        has_null = False
        for name, item in value.items():
            if item is None:
                has_null = True
                continue
            inner = checks.get(name)
            if inner is None:
                raise ValidationException(
                    f"{_at(path)} has no member {name!r} that this gateway knows."
                )
            count += 1
            inner(item, (path, name))
        if union and count != 1:
            raise ValidationException(
                f"{_at(path)} must have exactly one of the members {', '.join(checks)}."
            )
        for name in required:
            if value.get(name) is None:
                raise _violation(None, (path, name), "Member must not be null")
        if has_null:
            for name in [name for name, item in value.items() if item is None]:
                del value[name]

    return check_union if union else check


def _list(shape: ListShape, member: Check) -> Check:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    bounded = minimum is not None or maximum is not None

    def check(value: Any, path: Path) -> None:
        if type(value) is not list:
            raise ValidationException(f"{_at(path)} must be a list.")
        if bounded:
            _within(len(value), minimum, maximum, path, "length")
        for index, item in enumerate(value):
            member(item, (path, index))

    return check


def _map(shape: MapShape, key: Check, member: Check) -> Check:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")

    def check(value: Any, path: Path) -> None:
        if type(value) is not dict:
            raise ValidationException(f"{_at(path)} must be an object.")
        _within(len(value), minimum, maximum, path, "length")
        for name, item in value.items():
            key(name, path)
            member(item, (path, name))

    return check


def _string(shape: StringShape) -> Check:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    bounded = minimum is not None or maximum is not None
    allowed = frozenset(shape.enum)
    pattern = re.compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None

    def check(value: Any, path: Path) -> None:
        if type(value) is not str:
            raise ValidationException(f"{_at(path)} must be a string.")
        if bounded:
            _within(len(value), minimum, maximum, path, "length")
        if allowed and value not in allowed:
            raise _violation(
                value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
            )
        if pattern and not pattern.fullmatch(value):
            raise _violation(
                value, path, f"Member must satisfy regular expression pattern: {pattern.pattern}"
            )

    return check


def _number(shape: Shape) -> Check:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    whole = shape.type_name in ("integer", "long")
    kinds: tuple[type, ...] = (int,) if whole else (int, float)

    def check(value: Any, path: Path) -> None:
        if type(value) not in kinds:
            raise ValidationException(
                f"{_at(path)} must be {'an integer' if whole else 'a number'}."
            )
        _within(value, minimum, maximum, path, "value")

    return check


def _blob(value: Any, path: Path) -> None:
    if type(value) is not str or not value:
        raise ValidationException(f"{_at(path)} must be base64 text that is not empty.")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationException(f"{_at(path)} is not valid base64.") from None


def _boolean(value: Any, path: Path) -> None:
    if type(value) is not bool:
        raise ValidationException(f"{_at(path)} must be true or false.")


def _anything(value: Any, path: Path) -> None:
    return


def _within(number: float, minimum: Any, maximum: Any, path: Path, what: str) -> None:
    if minimum is not None and number < minimum:
        raise _violation(
            number, path, f"Member must have {what} greater than or equal to {minimum}"
        )
    if maximum is not None and number > maximum:
        raise _violation(number, path, f"Member must have {what} less than or equal to {maximum}")


def _violation(value: Any, path: Path, constraint: str) -> ValidationException:
    shown = "null" if value is None else str(value)[:100]
    return ValidationException(
        f"1 validation error detected: Value '{shown}' at '{_dotted(path)}' failed to satisfy constraint: "
        f"{constraint}"
    )


def _at(path: Path) -> str:
    return f"The value at {_dotted(path)}" if path else "The request body"


def _dotted(path: Path) -> str:
    steps: list[str] = []
    while isinstance(path, tuple):
        path, step = path
        steps.append(str(step))
    return ".".join(step for step in (path, *reversed(steps)) if step)
