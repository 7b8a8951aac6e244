"""What the SDKs raise where no answer came, or only a part of one.

A stream that breaks off raises the errors of what carries it, httpx's and urllib3's: neither SDK wraps them.
What the gateway itself answers, a status, is not here: `openai.APIStatusError` and botocore's `ClientError`
are caught before. The SDKs are imported when they are asked about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import httpx

Errors = tuple[type[Exception], ...]
_NO_ANSWER: Errors = (json.JSONDecodeError, UnicodeDecodeError, LookupError)
"""An answer that cannot be read, or has nothing in the place of what it must have."""


@dataclass(frozen=True, slots=True)
class Failures:
    """By kind; an error is of the first that has it.

    Attributes:
        timeout: Nothing came in time.
        malformed: What came is no answer.
        connection: There was no connection, or it broke off.
    """

    timeout: Errors
    malformed: Errors
    connection: Errors

    @property
    def all(self) -> Errors:
        """What to catch."""
        return (*self.timeout, *self.malformed, *self.connection)

    def kind(self, error: Exception) -> str:
        """`timeout`, `malformed` or `connection`."""
        if isinstance(error, self.timeout):
            return "timeout"
        return "malformed" if isinstance(error, self.malformed) else "connection"


@cache
def of_openai() -> Failures:
    """Of the OpenAI SDK; an error event within a stream, a plain `APIError`, is none of them."""
    import openai

    return Failures(
        timeout=(openai.APITimeoutError, httpx.TimeoutException),
        malformed=(openai.APIResponseValidationError, *_NO_ANSWER),
        connection=(openai.APIConnectionError, httpx.HTTPError),
    )


@cache
def of_bedrock() -> Failures:
    """Of botocore; an error event within a stream is its `ClientError`."""
    from botocore import eventstream, exceptions, parsers
    from urllib3.exceptions import HTTPError, TimeoutError

    return Failures(
        timeout=(exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError, TimeoutError),
        malformed=(
            eventstream.ParserError,
            parsers.ResponseParserError,
            *_NO_ANSWER,
        ),
        connection=(exceptions.BotoCoreError, HTTPError, OSError),
    )
