"""OpenAI's wire: chat completions, embeddings, models.

Routes and authorisation; `openai_requests` reads the bodies, `openai_answers` writes the replies.
"""

import base64
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_lib.simulator.delivery import Exchange, Stream, Whole, receive
from gateway_lib.simulator.embeddings import embed
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.openai_answers import completion, frames, headers, refused, whole
from gateway_lib.simulator.openai_requests import ChatBody, EmbeddingBody, chat_request, validated
from gateway_lib.simulator.refusals import Reason, Refusal, invalid


class OpenAIWire:
    """Routes below ``/openai/v1``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        base = "/openai/v1"
        self.routes = [
            Route(f"{base}/chat/completions", self.chat, methods=["POST"]),
            Route(f"{base}/embeddings", self.embeddings, methods=["POST"]),
            Route(f"{base}/models", self.models, methods=["GET"]),
            Route(f"{base}/models/{{model:path}}", self.models, methods=["GET"]),
            Route(f"{base}/{{rest:path}}", self.unknown, methods=["GET", "POST", "DELETE"]),
        ]

    async def chat(self, request: Request) -> Response:
        entry, raw = await self._open(request, "chat")

        async def work() -> Whole | Stream:
            self._authorise(request)
            body = validated(ChatBody, raw)
            entry.stream = bool(body.stream)
            if body.stream_options and not body.stream:
                raise invalid(
                    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                    "stream_options",
                )
            performance = self._engine.chat(chat_request(body), entry)
            if body.stream:
                with_usage = bool(body.stream_options and body.stream_options.include_usage)
                return Stream(
                    frames(performance, with_usage, partial(self._engine.close, entry, "broken")),
                    "text/event-stream; charset=utf-8",
                    headers(entry),
                )
            valid = await performance.play_out()
            return whole(completion(performance), entry, valid)

        return Exchange(self._engine, entry, work, refused)

    async def embeddings(self, request: Request) -> Response:
        entry, raw = await self._open(request, "embeddings")

        async def work() -> Whole:
            self._authorise(request)
            body = validated(EmbeddingBody, raw)
            texts = _texts(body.input)
            valid = await self._engine.embedding(entry, texts)
            size = self._dimensions(entry, body.dimensions)
            data = []
            for index, text in enumerate(texts):
                vector = embed(body.model, text, size)
                value: Any = vector.tolist()
                if body.encoding_format == "base64":
                    value = base64.b64encode(vector.tobytes()).decode()
                data.append({"object": "embedding", "index": index, "embedding": value})
            usage = {"prompt_tokens": entry.input_tokens, "total_tokens": entry.input_tokens}
            answer = {"object": "list", "data": data, "model": body.model, "usage": usage}
            return whole(answer, entry, valid)

        return Exchange(self._engine, entry, work, refused)

    async def models(self, request: Request) -> Response:
        entry, _ = await self._open(request, "models")
        entry.model = request.path_params.get("model", "")

        async def work() -> Whole:
            self._authorise(request)
            known = [m for m, profile in self._engine.profiles.items() if profile.wire == "openai"]
            cards = [
                {"id": m, "object": "model", "created": 1715367049, "owned_by": "simulator"}
                for m in known
            ]
            if not entry.model:
                return whole({"object": "list", "data": cards}, entry)
            if entry.model not in known:
                raise Refusal(Reason.UNKNOWN_MODEL, model=entry.model)
            return whole(cards[known.index(entry.model)], entry)

        return Exchange(self._engine, entry, work, refused)

    async def unknown(self, request: Request) -> Response:
        entry, _ = await self._open(request, "unknown")

        async def work() -> Whole:
            message = f"Invalid URL ({request.method} {request.url.path.removeprefix('/openai')})"
            raise Refusal(Reason.NOT_FOUND, message)

        return Exchange(self._engine, entry, work, refused)

    async def _open(self, request: Request, operation: str) -> tuple[Entry, bytes]:
        entry = receive(self._engine, request, "openai")
        entry.operation = operation
        raw = await request.body()
        try:
            entry.body = orjson.loads(raw) if raw else None
        except orjson.JSONDecodeError:
            entry.body = raw.decode(errors="replace")
        if isinstance(entry.body, dict) and isinstance(entry.body.get("model"), str):
            entry.model = entry.body["model"]
        return entry, raw

    def _authorise(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal(
                Reason.UNAUTHENTICATED,
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        allowed = self._engine.settings.api_keys
        if allowed and key.strip() not in allowed:
            raise Refusal(
                Reason.UNAUTHENTICATED, "Incorrect API key provided.", code="invalid_api_key"
            )

    def _dimensions(self, entry: Entry, wanted: int | None) -> int:
        longest = max(self._engine.profile(entry, "embedding").dimensions)
        if wanted is not None and wanted > longest:
            raise invalid(
                f"Invalid value for 'dimensions' = {wanted}. Must be less than or equal to "
                f"{longest}.",
                "dimensions",
            )
        return wanted or longest


def _texts(given: str | list[str] | list[int] | list[list[int]]) -> list[str]:
    """The inputs as texts; token ids stand for themselves."""
    if isinstance(given, str):
        given = [given]
    if not given:
        raise invalid("Invalid 'input': empty array. Expected a non-empty array.", "input")
    if isinstance(given[0], int):
        given = [" ".join(map(str, given))]
    texts = [item if isinstance(item, str) else " ".join(map(str, item)) for item in given]
    if any(not text for text in texts):
        raise invalid("Invalid 'input': input cannot be an empty string.", "input")
    return texts
