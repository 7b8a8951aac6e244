"""The two interfaces of the gateway as bytes: what is sent, and what its answer means.

No SDK stands between: an SDK's parsing, retries and imports would be part of every latency, and each
interface would be measured with another client's share. What is sent is what the SDKs send.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from gateway_lib.benchmark.meter.frames import read_converse_stream
from gateway_lib.benchmark.meter.reading import (
    Pieces,
    Reading,
    read_chat,
    read_chat_stream,
    read_converse,
)
from gateway_lib.benchmark.plan.prompts import Prompt
from gateway_lib.benchmark.plan.spec import Spec


class Wire(ABC):
    """One interface: requests made beforehand, answers read afterwards."""

    def __init__(self, spec: Spec, base_url: str, key: str) -> None:
        """Speak to `base_url` with `key`, in the way that `spec` says."""
        self._spec = spec
        self._base = base_url.rstrip("/")
        self._key = key
        self._made: dict[tuple[str, str], bytes] = {}

    def request(self, model: str, prompt: Prompt, session_id: str | None = None) -> bytes:
        """The request that asks a model a prompt, in a new conversation or in one that goes on."""
        if session_id is not None:
            return self._request(self.url(model), self.body(model, prompt, session_id))
        known = self._made.get((model, prompt.id))
        if known is None:
            known = self._request(self.url(model), self.body(model, prompt, None))
            self._made[model, prompt.id] = known
        return known

    def _request(self, url: URL, body: dict[str, Any]) -> bytes:
        """Head and body, as they go over the wire."""
        content = orjson.dumps(body)
        headers = {
            "host": url.raw_authority,
            "authorization": f"Bearer {self._key}",
            **self.headers(),
            "content-length": str(len(content)),
        }
        lines = [f"POST {url.raw_path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join((*lines, "", "")).encode("latin-1") + content

    def _of_the_gateway(self, session_id: str | None) -> dict[str, Any]:
        """Fields of the gateway's own: its cache, whether to keep the call, in which conversation."""
        if self._spec.target == "provider":
            return {}
        fields: dict[str, Any] = {"enable_history": self._spec.history}
        if self._spec.cache == "bypass":
            fields["cache"] = {"no-cache": True}
        if session_id:
            fields["session_id"] = session_id
        return fields

    @abstractmethod
    def headers(self) -> dict[str, str]: ...

    @abstractmethod
    def url(self, model: str) -> URL: ...

    @abstractmethod
    def body(self, model: str, prompt: Prompt, session_id: str | None) -> dict[str, Any]: ...

    @abstractmethod
    def read(self, pieces: Pieces) -> Reading:
        """The meaning of an answer with status 200."""


class OpenAIWire(Wire):
    """Chat completions, below `<base>/v1`."""

    def headers(self) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "accept": "text/event-stream" if self._spec.stream else "application/json",
            "accept-encoding": "identity",
        }

    def url(self, model: str) -> URL:
        return URL(f"{self._base}/v1/chat/completions", encoded=True)

    def body(self, model: str, prompt: Prompt, session_id: str | None) -> dict[str, Any]:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body: dict[str, Any] = {
            "model": model,
            "messages": [*system, {"role": "user", "content": prompt.text}],
            "max_tokens": prompt.max_tokens or self._spec.max_tokens,
        }
        if self._spec.temperature is not None:
            body["temperature"] = self._spec.temperature
        if self._spec.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body | self._of_the_gateway(session_id)

    def read(self, pieces: Pieces) -> Reading:
        return read_chat_stream(pieces) if self._spec.stream else read_chat(pieces)


class BedrockWire(Wire):
    """Converse and ConverseStream: below `<base>/bedrock` of the gateway, below a provider's base."""

    def headers(self) -> dict[str, str]:
        frames = "application/vnd.amazon.eventstream"
        return {
            "content-type": "application/json",
            "accept": frames if self._spec.stream else "application/json",
            "accept-encoding": "identity",
        }

    def url(self, model: str) -> URL:
        root = f"{self._base}/bedrock" if self._spec.target == "gateway" else self._base
        operation = "converse-stream" if self._spec.stream else "converse"
        return URL(f"{root}/model/{quote(model, safe='')}/{operation}", encoded=True)

    def body(self, model: str, prompt: Prompt, session_id: str | None) -> dict[str, Any]:
        inference: dict[str, Any] = {"maxTokens": prompt.max_tokens or self._spec.max_tokens}
        if self._spec.temperature is not None:
            inference["temperature"] = self._spec.temperature
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": [{"text": prompt.text}]}],
            "inferenceConfig": inference,
        }
        if prompt.system:
            body["system"] = [{"text": prompt.system}]
        if fields := self._of_the_gateway(session_id):
            body["additionalModelRequestFields"] = fields
        return body

    def read(self, pieces: Pieces) -> Reading:
        return read_converse_stream(pieces) if self._spec.stream else read_converse(pieces)


def wire_of(spec: Spec, base_url: str, key: str) -> Wire:
    """The wire of a spec's interface."""
    return (OpenAIWire if spec.interface == "openai" else BedrockWire)(spec, base_url, key)
