"""JSON that callers bring along (tool inputs and results, schemas), written out again."""

from __future__ import annotations

from typing import Any

import orjson

from middleware.bedrock.errors import ValidationException


def dumps(value: Any) -> bytes:
    """The JSON of a value that was read from JSON.

    Raises:
        ValidationException: it is nested too deeply; reading allows more levels than writing.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ValidationException("The request is nested more than 250 levels deep.") from None
