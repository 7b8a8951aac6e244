"""One question over either interface, with the SDKs that people use, and what the headers say of its arm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gateway_lib import failures
from gateway_lib.clients import async_openai_client, bedrock_client
from gateway_lib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from openai import AsyncOpenAI

ARM = "x-experiment-arm"
REQUEST_ID = "x-request-id"
_MOST = 200
"""Characters of an error that are kept."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `text` is None where no whole answer came, and `error` then says why."""

    request_id: str | None
    arm: str | None
    status: int | None
    error: str | None
    seconds: float
    text: str | None


class Asker(Protocol):
    """Asks, and never raises: a failure is a reply."""

    async def ask(self, model: str, user: str, text: str, streamed: bool) -> Reply:
        """Put a question for an end user."""

    async def aclose(self) -> None:
        """Let go of its connections."""


class OpenAIAsker:
    """With the OpenAI SDK, without its retries: each attempt is a call of the experiment."""

    def __init__(self, settings: Settings) -> None:
        self._client: AsyncOpenAI = async_openai_client(settings, max_retries=0)

    async def aclose(self) -> None:
        await self._client.close()

    async def ask(self, model: str, user: str, text: str, streamed: bool) -> Reply:
        from openai import APIError, APIStatusError

        begun, headers = time.perf_counter(), dict[str, str]()
        create: Any = self._client.chat.completions.with_raw_response.create
        broken: failures.Errors = (APIError, *failures.of_openai().all)
        asked = {"model": model, "user": user, "messages": [{"role": "user", "content": text}]}
        history = {"enable_history": False}
        try:
            raw = await create(**asked, stream=streamed, extra_body=history)
            headers = raw.headers
            answer = raw.parse()
            if not streamed:
                return _good(begun, headers, answer.choices[0].message.content or "")
            async with answer as chunks:
                parts = [
                    each.choices[0].delta.content or "" async for each in chunks if each.choices
                ]
            return _good(begun, headers, "".join(parts))
        except APIStatusError as error:
            return _bad(begun, error.response.headers, error.status_code, error)
        except broken as error:
            return _bad(begun, headers, None, error)


class BedrockAsker:
    """With boto3, which waits in threads."""

    def __init__(self, settings: Settings, threads: int) -> None:
        # by the same door as the other client, so that neither pays for TLS alone
        one_door = settings.model_copy(update={"tls_url": None})
        self._client: BedrockRuntimeClient = bedrock_client(one_door)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="bedrock")

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._client.close()

    async def ask(self, model: str, user: str, text: str, streamed: bool) -> Reply:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, model, user, text, streamed)

    def _ask(self, model: str, user: str, text: str, streamed: bool) -> Reply:
        from botocore.exceptions import ClientError

        begun, headers = time.perf_counter(), dict[str, str]()
        call: Any = self._client.converse_stream if streamed else self._client.converse
        try:
            answer = call(
                modelId=model,
                messages=[{"role": "user", "content": [{"text": text}]}],
                requestMetadata={"user": user},
                additionalModelRequestFields={"enable_history": False},
            )
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            if streamed:
                with closing(answer["stream"]) as events:
                    deltas = [
                        each["contentBlockDelta"]["delta"]
                        for each in events
                        if "contentBlockDelta" in each
                    ]
                return _good(begun, headers, "".join(delta.get("text", "") for delta in deltas))
            content = answer["output"]["message"]["content"]
            return _good(begun, headers, "".join(block.get("text", "") for block in content))
        except ClientError as error:
            told = error.response.get("ResponseMetadata", {})
            return _bad(
                begun, told.get("HTTPHeaders") or headers, told.get("HTTPStatusCode"), error
            )
        except failures.of_bedrock().all as error:
            return _bad(begun, headers, None, error)


def _good(begun: float, headers: Mapping[str, str], text: str) -> Reply:
    took = time.perf_counter() - begun
    return Reply(headers.get(REQUEST_ID), headers.get(ARM), 200, None, took, text)


def _bad(begun: float, headers: Mapping[str, str], status: int | None, error: Exception) -> Reply:
    took = time.perf_counter() - begun
    said = f"{type(error).__name__}: {error}"[:_MOST]
    return Reply(headers.get(REQUEST_ID), headers.get(ARM), status, said, took, None)
