"""Who asks: the OpenAI SDK and boto3, each with the key of an ordinary user and no retries of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Protocol

from gateway_lib import clients, failures
from gateway_lib.guardrails.outcomes import Answer
from gateway_lib.guardrails.requests import converse_request, openai_request
from gateway_lib.guardrails.suite import Case, Suite
from gateway_lib.guardrails.ways import Way
from gateway_lib.settings import Settings

_MAX_TOKENS = 256
_FRESH = {"cache": {"no-cache": True}, "enable_history": False}
"""Every answer is made anew, and no conversation keeps what a case says."""


class Caller(Protocol):
    """Asks for a case, guarded in some way."""

    async def ask(self, case: Case, way: Way, model: str, *, stream: bool) -> Answer:
        """What came back; errors are in the answer, and nothing is raised."""

    async def aclose(self) -> None:
        """Let go of the connections."""


class OverOpenAI:
    """Chat completions."""

    def __init__(self, settings: Settings, suite: Suite) -> None:
        self._client = clients.async_openai_client(settings, max_retries=0)
        self._suite = suite

    async def aclose(self) -> None:
        await self._client.close()

    async def ask(self, case: Case, way: Way, model: str, *, stream: bool) -> Answer:
        import openai

        answer, start, broken = Answer(), time.perf_counter(), failures.of_openai()
        create: Any = self._client.chat.completions.with_raw_response.create
        body: dict[str, Any] = dict(_FRESH)
        if way.is_config:
            body["guardrailConfig"] = way.config(stream=stream)
        elif way.named:
            body["guardrails"] = [way.named]
        try:
            raw = await create(
                model=model,
                max_tokens=_MAX_TOKENS,
                stream=stream,
                extra_body=body,
                **openai_request(case, self._suite),
            )
            answer.status, answer.headers = raw.status_code, _lower(raw.headers)
            if stream:
                async with raw.parse() as chunks:
                    await _streamed(chunks, answer, start)
            else:
                _completed(raw.parse(), answer)
        except openai.APIStatusError as error:
            answer.headers = _lower(error.response.headers)
            answer.failed(error.status_code, _words(error.body, error.message))
        except broken.all as error:
            answer.failed(None, "", broken.kind(error))
        except openai.APIError as error:  # in the midst of a stream
            answer.failed(answer.status, _words(error.body, error.message), "")
        answer.latency_ms = (time.perf_counter() - start) * 1000
        return answer


async def _streamed(chunks: Any, answer: Answer, start: float) -> None:
    async for chunk in chunks:
        answer.traced((chunk.model_extra or {}).get("trace"))
        for choice in chunk.choices:
            if choice.delta.content:
                answer.ttft_ms = answer.ttft_ms or (time.perf_counter() - start) * 1000
                answer.text += choice.delta.content
            answer.stopped = choice.finish_reason or answer.stopped


def _completed(completion: Any, answer: Answer) -> None:
    choice = completion.choices[0]
    answer.text, answer.stopped = choice.message.content or "", choice.finish_reason
    answer.traced((completion.model_extra or {}).get("trace"))


def _words(body: object, message: str) -> str:
    return f"{message} {body}" if body else message


class OverBedrock:
    """Converse and ConverseStream, each call in a thread of its own."""

    def __init__(self, settings: Settings, suite: Suite) -> None:
        self._client = clients.bedrock_client(settings, max_retries=0)
        self._suite = suite

    async def aclose(self) -> None:
        self._client.close()

    async def ask(self, case: Case, way: Way, model: str, *, stream: bool) -> Answer:
        return await asyncio.to_thread(self._ask, case, way, model, stream)

    def _ask(self, case: Case, way: Way, model: str, stream: bool) -> Answer:
        from botocore.exceptions import ClientError

        answer, start, broken = Answer(), time.perf_counter(), failures.of_bedrock()
        request: dict[str, Any] = {
            "modelId": model,
            "inferenceConfig": {"maxTokens": _MAX_TOKENS},
            "additionalModelRequestFields": _FRESH,
            **converse_request(case, self._suite),
        }
        if way.identifier:
            request["guardrailConfig"] = way.config(stream=stream)
        try:
            if stream:
                told = self._client.converse_stream(**request)
                _take_metadata(told, answer)
                with closing(told["stream"]) as events:
                    _events(events, answer, start)
            else:
                said = self._client.converse(**request)
                _take_metadata(said, answer)
                _conversed(said, answer)
        except ClientError as error:  # also in the midst of a stream
            _failed(error.response, str(error), answer)
        except broken.all as error:
            answer.failed(None, "", broken.kind(error))
        answer.latency_ms = (time.perf_counter() - start) * 1000
        return answer


def _take_metadata(response: Any, answer: Answer) -> None:
    metadata = response.get("ResponseMetadata") or {}
    answer.status = metadata.get("HTTPStatusCode")
    answer.headers = _lower(metadata.get("HTTPHeaders") or {})


def _conversed(said: Any, answer: Answer) -> None:
    content = said["output"]["message"]["content"]
    answer.text = "".join(block.get("text", "") for block in content)
    answer.stopped = said["stopReason"]
    answer.traced(said.get("trace"))


def _events(stream: Any, answer: Answer, start: float) -> None:
    for event in stream:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"]["delta"].get("text", "")
            if text:
                answer.ttft_ms = answer.ttft_ms or (time.perf_counter() - start) * 1000
                answer.text += text
        elif "messageStop" in event:
            answer.stopped = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            answer.traced(event["metadata"].get("trace"))


def _failed(response: Any, words: str, answer: Answer) -> None:
    begun = answer.status
    metadata = response.get("ResponseMetadata") or {}
    if begun is None:
        answer.headers = _lower(metadata.get("HTTPHeaders") or {})
    code = (response.get("Error") or {}).get("Code", "")
    answer.failed(begun or metadata.get("HTTPStatusCode"), f"{code} {words}")


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
