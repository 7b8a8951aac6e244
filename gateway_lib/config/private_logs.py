"""Keeps what callers say out of the log of the LiteLLM process, which quotes requests when a call fails.

A provider's error may quote what it was sent, and LiteLLM writes the error's text and traceback at the level
at which it says that anything is wrong. `config/litellm-logging.yaml` names this module; it needs nothing but
the standard library, so that it goes into LiteLLM's image as it is.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

_OF_LITELLM = "LiteLLM"
_ERROR = re.compile(r"litellm\.\w*(?:Error|Exception|Timeout)\b")


def install() -> logging.Filter:
    """Have records of LiteLLM's made without the words of errors.

    Filters come too late, since LiteLLM's own, added before any that is configured, put the words into the
    record's message. A logging configuration can call a function only to make a filter, so this is one that
    lets everything pass.
    """
    logging.setLogRecordFactory(record)
    return logging.Filter()


def record(*args: Any, **options: Any) -> logging.LogRecord:
    """A log record; of an exception it has the type, the status and the place, not what it says."""
    made = logging.LogRecord(*args, **options)
    if not made.name.startswith(_OF_LITELLM):
        return made
    if isinstance(made.args, tuple):
        made.args = tuple(_named(one) for one in made.args)
    if made.exc_info and (error := made.exc_info[1]):
        frames = "".join(traceback.format_tb(error.__traceback__))
        made.exc_info, made.exc_text = None, f"{frames}{_named(error)}"
    return made


def _named(value: object) -> object:
    if isinstance(value, str) and (error := _ERROR.match(value)):
        return error[0]  # its words, which the router logs where there are fallbacks
    if not isinstance(value, BaseException):
        return value
    status = getattr(value, "status_code", None)
    return f"{type(value).__name__} (status {status})" if status else type(value).__name__
