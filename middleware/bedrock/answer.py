"""Reading a model's answer: it may be anything, and what is no answer is the model's error.

A provider, or LiteLLM on its behalf, can send members of any type. None may pass on to a caller whose SDK
believes AWS's model, and none may surprise this service.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from middleware.bedrock.errors import ModelErrorException

log = logging.getLogger("middleware")
P = ParamSpec("P")
R = TypeVar("R")


def reads_an_answer(function: Callable[P, R]) -> Callable[P, R]:
    """Make `ModelErrorException` of whatever surprises `function` in an answer."""

    @wraps(function)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            log.warning("a model's answer could not be read", exc_info=True)
            raise ModelErrorException from error

    return reading


def text(value: Any) -> str:
    """A text that may be absent, which is an empty one."""
    if type(value) is str:
        return value
    if value:
        raise ModelErrorException
    return ""


def blob(value: Any) -> str:
    """The base64 text of bytes, which an SDK will decode."""
    encoded = text(value)
    base64.b64decode(encoded, validate=True)
    return encoded


def count(value: Any) -> int:
    """A number of tokens that may be absent, which is none."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < 2**31:
        raise ModelErrorException
    return value
