"""Errors of requests that nobody gets to serve."""

from __future__ import annotations

from middleware.errors import InvalidRequest, ServiceError


class PathMisspelt(InvalidRequest):
    """The path is spelt in a way that two readers may read as two paths."""

    code = "invalid_path"
    standard = (
        "The path is not spelt as this gateway reads it: no dot segments, backslashes, control characters, "
        "broken escapes, or escapes of characters that need none."
    )


class HeadersTooLarge(ServiceError):
    """There are more headers, or longer ones, than the gateway reads."""

    status = 431
    code = "headers_too_large"
    kind = "invalid_request_error"


class EncodingRefused(ServiceError):
    """The body is compressed; what is looked at has to be what is sent on."""

    status = 415
    code = "content_encoding_not_supported"
    kind = "invalid_request_error"
    standard = "The gateway takes request bodies without a Content-Encoding."


class AddressRefused(InvalidRequest):
    """The request has an address that somebody would fetch, and its host is not one that is allowed."""

    code = "address_not_allowed"


class TooManyMembers(InvalidRequest):
    """There are more members in the body than are looked at."""

    code = "too_many_members"
    standard = "The request body has more objects, lists and members than the gateway looks at."
