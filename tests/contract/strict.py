"""A client that forgives nothing: plain HTTP, every answer held against AWS's service model.

It returns what it was answered only if nothing is wrong with it; streams are folded into the same `Reply`
that a plain response gives, so that one test can ask for both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import quote

import httpx

from tests.contract.frames import MEDIA_TYPE, Frame, decoded
from tests.contract.shapes import error_violations, response_violations
from tests.contract.transcript import Transcript

OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
    "count-tokens": "CountTokens",
    "apply": "ApplyGuardrail",
}


@dataclass(frozen=True)
class Reply:
    """A successful answer, plain or streamed."""

    headers: httpx.Headers
    body: dict[str, Any]
    """Of a stream: the same members, put together from its events."""
    exception: Frame | None = None
    """What ended a stream early."""
    deltas: int = 0
    frames: list[Frame] = field(default_factory=list)

    @property
    def content(self) -> list[dict[str, Any]]:
        content: list[dict[str, Any]] = self.body["output"]["message"]["content"]
        return content

    @property
    def text(self) -> str:
        return "".join(block.get("text", "") for block in self.content)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [block["toolUse"] for block in self.content if "toolUse" in block]

    @property
    def stop_reason(self) -> str:
        return str(self.body["stopReason"])

    @property
    def usage(self) -> dict[str, int]:
        usage: dict[str, int] = self.body["usage"]
        return usage


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer."""

    status: int
    name: str
    message: str
    headers: httpx.Headers


class Violation(AssertionError):
    """The answer is not one that AWS could have given."""

    def __init__(self, wrong: list[str], response: httpx.Response) -> None:
        said = response.content[:600]
        lines = "\n  ".join(wrong[:20])
        super().__init__(
            f"{response.request.url} answered {response.status_code}:\n  {lines}\n{said!r}"
        )


class StrictClient:
    """Speaks to a Bedrock Runtime endpoint, such as ``<base>/bedrock``."""

    def __init__(self, http: httpx.Client, endpoint: str, key: str) -> None:
        self._http = http
        self._endpoint = endpoint
        self._key = key

    def send(self, operation: str, model: str, body: Any, **headers: str) -> httpx.Response:
        """The bare response to a request, its id checked; a body of bytes goes out as it is."""
        return self.post(f"/model/{quote(model, safe='')}/{operation}", body, **headers)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """The bare response of any path below the endpoint; an empty `authorization` sends none."""
        sent = {
            "content-type": "application/json",
            "authorization": f"Bearer {self._key}",
            **headers,
        }
        response = self._http.post(
            f"{self._endpoint}{path}",
            content=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={name: value for name, value in sent.items() if value},
        )
        _require(
            [] if response.headers.get("x-amzn-requestid") else ["no x-amzn-RequestId"], response
        )
        return response

    def ask(self, operation: str, model: str, body: dict[str, Any], **headers: str) -> Reply:
        """The valid answer to ``converse`` or ``converse-stream``; an error is a `Violation`."""
        response = self.send(operation, model, body, **headers)
        _require([] if response.status_code == 200 else ["not 200"], response)
        if operation == "converse-stream":
            return _stream(response)
        answer = valid(operation, response)
        _require(_not_a_turn(answer) + _miscounted(answer["usage"]), response)
        return Reply(response.headers, answer)

    def refused(self, operation: str, model: str, body: Any, **headers: str) -> Refusal:
        """The valid error answer; a success is a `Violation`."""
        return refusal(operation, self.send(operation, model, body, **headers))


def valid(operation: str, response: httpx.Response) -> dict[str, Any]:
    """The JSON body of a successful response, if it is what the operation answers."""
    _require([] if response.status_code == 200 else ["not 200"], response)
    wrong = _not_of_type(response, "application/json")
    body = response.json() if not wrong else {}
    _require(wrong or response_violations(OPERATIONS[operation], body), response)
    return dict(body)


def refusal(operation: str, response: httpx.Response) -> Refusal:
    """An error response, if it is one that the operation can give."""
    _require(["not an error"] if response.is_success else [], response)
    wrong = _not_of_type(response, "application/json")
    name = response.headers.get("x-amzn-errortype", "")
    wrong += error_violations(OPERATIONS[operation], name, response.status_code)
    body = response.json() if not wrong else {}
    if not wrong and (set(body) != {"message"} or not isinstance(body["message"], str)):
        wrong.append("the body is not {'message': text}")
    elif not wrong and not body["message"].strip():
        wrong.append("the message is blank")
    _require(wrong, response)
    return Refusal(response.status_code, name, body["message"], response.headers)


def _stream(response: httpx.Response) -> Reply:
    wrong = _not_of_type(response, MEDIA_TYPE)
    frames, mistakes = decoded(response.content, "ConverseStream")
    transcript = Transcript.of(frames)
    _require(wrong + mistakes + transcript.wrong, response)
    body = {"output": {"message": {"role": "assistant", "content": transcript.content}}}
    body |= transcript.stop | transcript.metadata
    if not transcript.exception:
        _require(_not_a_turn(body) + _miscounted(body["usage"]), response)
    return Reply(response.headers, body, transcript.exception, transcript.deltas, frames)


def _not_a_turn(body: dict[str, Any]) -> list[str]:
    """A message that could not be sent back as the assistant's turn of the next request."""
    message = body["output"]["message"]
    wrong = [] if message["role"] == "assistant" else [f"role {message['role']!r}"]
    if not message["content"]:
        wrong.append("no content")
    called = any("toolUse" in block for block in message["content"])
    if body["stopReason"] == "tool_use" and not called:
        wrong.append("stopReason tool_use without a tool use")
    return wrong


def _miscounted(usage: dict[str, int]) -> list[str]:
    """AWS's total includes what was read from and written to the cache, ``inputTokens`` does not."""
    parts = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    total = sum(usage.get(part, 0) for part in parts)
    return [] if total == usage["totalTokens"] else [f"usage {usage} does not add up to {total}"]


def _not_of_type(response: httpx.Response, expected: str) -> list[str]:
    header = Message()
    header["content-type"] = response.headers.get("content-type", "")
    found = header.get_content_type() if header["content-type"] else "nothing"
    return [] if found == expected else [f"content-type {found}, expected {expected}"]


def _require(wrong: list[str], response: httpx.Response) -> None:
    if wrong:
        raise Violation(wrong, response)
