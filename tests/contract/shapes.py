"""Bodies against AWS's own description of the API, strictly.

SDKs are lenient readers: botocore ignores members it does not know and hands out None for those that
are missing. A client generated for another language may not be, so here each of these is a violation,
along with null members, values outside an enumeration, pattern or range, and unions without exactly one
member. Written apart from the gateway's own checks on purpose: two readings of the model have to agree.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

ELSEWHERE = ("header", "headers", "statusCode", "uri", "querystring")
"""Where a member can be that is not in the body."""


@cache
def service() -> ServiceModel:
    """The Bedrock Runtime model of the installed botocore."""
    return ServiceModel(
        Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime"
    )


def response_violations(operation: str, body: Any) -> list[str]:
    """What is wrong with the JSON body of an operation's response; one line each, with its place."""
    shape = service().operation_model(operation).output_shape
    members = {
        name: member
        for name, member in shape.members.items()
        if member.serialization.get("location") not in ELSEWHERE
    }
    return list(_structure(shape, members, body, operation))


def event_violations(operation: str, event: str, body: Any) -> list[str]:
    """What is wrong with the payload of one event, or exception, of an operation's event stream."""
    shape = service().operation_model(operation).get_event_stream_output()
    if event not in shape.members:
        return [f"{operation} has no event {event!r}"]
    member = shape.members[event]
    return list(_structure(member, member.members, body, event))


def error_violations(operation: str, name: str, status: int) -> list[str]:
    """Whether an operation can fail with this exception, and with this status.

    AccessDeniedException is modelled everywhere; the exceptions that AWS's front end gives before an
    operation is reached are modelled nowhere and are not accepted here.
    """
    modelled = {shape.name: shape for shape in service().operation_model(operation).error_shapes}
    if name not in modelled:
        return [f"{operation} does not fail with {name!r}"]
    expected = modelled[name].metadata["error"]["httpStatusCode"]
    return [] if status == expected else [f"{name} has status {expected}, not {status}"]


def _violations(shape: Shape, value: Any, at: str) -> Iterator[str]:
    if value is None:
        yield f"{at}: null"
    elif isinstance(shape, StructureShape):
        if not shape.is_document_type:
            yield from _structure(shape, shape.members, value, at)
    elif isinstance(shape, ListShape):
        if isinstance(value, list):
            yield from _range(shape, len(value), at, "items")
            for index, item in enumerate(value):
                yield from _violations(shape.member, item, f"{at}[{index}]")
        else:
            yield f"{at}: not a list"
    elif isinstance(shape, MapShape):
        if isinstance(value, dict):
            for key, item in value.items():
                yield from _violations(shape.key, key, f"{at} key {key!r}")
                yield from _violations(shape.value, item, f"{at}.{key}")
        else:
            yield f"{at}: not a map"
    else:
        yield from _scalar(shape, value, at)


def _structure(
    shape: StructureShape, members: dict[str, Shape], value: Any, at: str
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: not an object"
        return
    for name, item in value.items():
        if name in members:
            yield from _violations(members[name], item, f"{at}.{name}")
        else:
            yield f"{at}: unknown member {name!r}"
    for name in shape.required_members:
        if name in members and name not in value:
            yield f"{at}: no {name}, which is required"
    if shape.is_tagged_union and len(value) != 1:
        yield f"{at}: a union with {len(value)} members ({', '.join(value) or 'none'})"


def _scalar(shape: Shape, value: Any, at: str) -> Iterator[str]:
    match shape.type_name, value:
        case ("integer" | "long", bool()) | ("float" | "double", bool()):
            yield f"{at}: {value!r} is not a number"
        case ("integer" | "long", int()) | ("float" | "double", int() | float()):
            yield from _range(shape, value, at, "as value")
        case "boolean", bool():
            pass
        case "string", str() if isinstance(shape, StringShape):
            yield from _string(shape, value, at)
        case "blob", str():
            yield from _blob(shape, value, at)
        case kind, _:
            yield f"{at}: {value!r} is not a {kind}"


def _string(shape: StringShape, value: str, at: str) -> Iterator[str]:
    yield from _range(shape, len(value), at, "characters")
    if shape.enum and value not in shape.enum:
        yield f"{at}: {value!r} is none of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield f"{at}: {value!r} does not match {pattern}"


def _blob(shape: Shape, value: str, at: str) -> Iterator[str]:
    try:
        yield from _range(shape, len(base64.b64decode(value, validate=True)), at, "bytes")
    except binascii.Error:
        yield f"{at}: not base64"


def _range(shape: Shape, size: float, at: str, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{at}: {size} {what}, at least {low}"
    if high is not None and size > high:
        yield f"{at}: {size} {what}, at most {high}"
