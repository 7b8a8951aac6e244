"""A form with files, read with what LiteLLM reads it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from middleware.errors import InvalidRequest, ServiceError

PIECE = 2**16
"""Bytes that are read before others have their turn: a megabyte of a form takes longer than most calls."""


async def form_of(
    headers: Headers, body: bytes, error: type[ServiceError] = InvalidRequest
) -> FormData:
    """The fields of a form; whoever asks closes it.

    Args:
        headers: the request's, which say where a field ends.
        body: all of it.
        error: raised for what is none.
    """

    async def pieces() -> AsyncGenerator[bytes, None]:
        for begin in range(0, len(body), PIECE):
            yield body[begin : begin + PIECE]
            await asyncio.sleep(0)

    try:
        return await MultiPartParser(headers, pieces()).parse()
    except (MultiPartException, ValueError, LookupError):
        raise error("The form of this call cannot be read.") from None
