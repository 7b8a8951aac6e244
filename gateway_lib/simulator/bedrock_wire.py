"""Bedrock's wire: runtime operations below ``/bedrock`` and GetPrompt below ``/bedrock-agent``.

Model ids arrive percent-encoded, ARNs with encoded slashes included, so they are read from the raw
path. The runtime takes any signature or bearer token: what a gateway signs with is in the journal.
GetPrompt takes only what is signed for the prompt's region with a key that is configured.
"""

import base64
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_lib.simulator import anthropic_answers, converse_answers
from gateway_lib.simulator.anthropic_requests import anthropic_request
from gateway_lib.simulator.bedrock_errors import as_exception, refused
from gateway_lib.simulator.bedrock_shapes import check
from gateway_lib.simulator.converse_requests import converse_request
from gateway_lib.simulator.delivery import Exchange, Stream, Whole, receive
from gateway_lib.simulator.embeddings import embed
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.guardrails import Guardrail, wire
from gateway_lib.simulator.guardrails.conversation import Guarding
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.prompt_wire import PromptWire, prompt_id
from gateway_lib.simulator.refusals import Reason, Refusal, invalid
from middleware.bedrock import eventstream

Operation = Callable[[Request, Entry], Awaitable[Whole | Stream]]

_TITAN_KINDS = (["float"], ["binary"], ["float", "binary"], ["binary", "float"])


class BedrockWire:
    """Routes of both services."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prompts = PromptWire(engine)
        self._operations: dict[str, Operation] = {
            "converse": self._converse,
            "converse-stream": self._converse,
            "invoke": self._invoke,
            "invoke-with-response-stream": self._invoke,
            "count-tokens": self._count_tokens,
        }
        self.routes = [
            Route("/bedrock/model/{rest:path}", self.model, methods=["POST"]),
            Route("/bedrock/guardrail/{rest:path}", self.guardrail, methods=["POST"]),
            Route("/bedrock-agent/prompts/{rest:path}", self.prompt, methods=["GET"]),
            Route("/bedrock{rest:path}", self.unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]

    async def model(self, request: Request) -> Response:
        _, _, rest = _raw_path(request).partition("/bedrock/model/")
        model, _, operation = rest.rpartition("/")
        handler = self._operations.get(operation, self._unknown_operation)
        return await self._exchange(request, operation, handler, _last_part(unquote(model)))

    async def guardrail(self, request: Request) -> Response:
        name, _, operation = _guardrail_path(request)
        handler = self._apply_guardrail if operation == "apply" else self._unknown_operation
        return await self._exchange(request, "apply-guardrail", handler, _last_part(name))

    async def prompt(self, request: Request) -> Response:
        return await self._exchange(request, "get-prompt", self._prompts.get, prompt_id(request))

    async def unknown(self, request: Request) -> Response:
        return await self._exchange(request, "unknown", self._unknown_operation)

    async def _exchange(
        self, request: Request, operation: str, handler: Operation, model: str = ""
    ) -> Response:
        entry = receive(self._engine, request, "bedrock")
        entry.operation, entry.model = operation, model
        entry.response_id = str(uuid4())
        raw = await request.body()
        try:
            entry.body = orjson.loads(raw) if raw else None
        except orjson.JSONDecodeError:
            entry.body = raw.decode(errors="replace")

        async def work() -> Whole | Stream:
            if not request.headers.get("authorization"):
                raise Refusal(Reason.UNAUTHENTICATED)
            if request.method == "POST" and not isinstance(entry.body, dict):
                raise invalid("The request body is not a JSON object.")
            return await handler(request, entry)

        return Exchange(self._engine, entry, work, refused)

    async def _converse(self, request: Request, entry: Entry) -> Whole | Stream:
        entry.stream = entry.operation == "converse-stream"
        operation = "ConverseStream" if entry.stream else "Converse"
        check(operation, entry.body, modelId=entry.model)
        config = entry.body.get("guardrailConfig")
        guardrail = self._guardrail_of(config)
        parsed = converse_request(entry.model, entry.body)
        performance = self._engine.chat(parsed, entry, Guarding.of(guardrail, config, entry.stream))
        if entry.stream:
            frames = converse_answers.frames(
                performance, entry.body, guardrail, self._broken(entry), as_exception
            )
            return Stream(frames, eventstream.CONTENT_TYPE, _headers(entry))
        valid = await performance.play_out()
        return _json(converse_answers.answer(performance, entry.body, guardrail), entry, valid)

    async def _invoke(self, request: Request, entry: Entry) -> Whole | Stream:
        profile = self._engine.profiles.get(entry.model)
        if profile is None or profile.wire != "bedrock":
            raise Refusal(Reason.UNKNOWN_MODEL, model=entry.model)
        entry.stream = entry.operation == "invoke-with-response-stream"
        if profile.invoke_body == "titan_embedding":
            if entry.stream:
                raise invalid("The model is unsupported for streaming.")
            return await self._titan(entry)
        if profile.invoke_body != "anthropic":
            raise invalid("The simulated model reads no InvokeModel body of its own: use Converse.")
        named = request.headers.get("x-amzn-bedrock-guardrailidentifier")
        version = request.headers.get("x-amzn-bedrock-guardrailversion", "")
        config = {"guardrailIdentifier": named, "guardrailVersion": version} if named else None
        guardrail = self._guardrail_of(config)
        parsed = anthropic_request(entry.model, entry.body)
        performance = self._engine.chat(parsed, entry, Guarding.of(guardrail, config, entry.stream))
        if entry.stream:
            frames = anthropic_answers.frames(performance, self._broken(entry), as_exception)
            headers = _headers(entry) | {"x-amzn-bedrock-content-type": "application/json"}
            return Stream(frames, eventstream.CONTENT_TYPE, headers)
        valid = await performance.play_out()
        answer = anthropic_answers.message(performance)
        if guardrail is not None:
            hit = performance.plan.stop_reason == "guardrail_intervened"
            answer["amazon-bedrock-guardrailAction"] = "INTERVENED" if hit else "NONE"
        reply = _json(answer, entry, valid)
        return _counted(reply, answer["usage"]["input_tokens"], performance.plan.usage.output)

    async def _titan(self, entry: Entry) -> Whole:
        match entry.body:
            case {"inputText": str(text), **rest} if text:
                pass
            case _:
                raise invalid("Malformed input request: inputText is required.")
        if strange := rest.keys() - {"dimensions", "normalize", "embeddingTypes"}:
            raise invalid(
                f"Malformed input request: extraneous key [{min(map(str, strange))}] is not permitted, "
                "please reformat your input and try again."
            )
        allowed = self._engine.profile(entry, "embedding").dimensions
        dimensions = rest.get("dimensions", max(allowed))
        kinds = rest.get("embeddingTypes", ["float"])
        if dimensions not in allowed or kinds not in _TITAN_KINDS:
            raise invalid("Malformed input request: dimensions or embeddingTypes not supported.")
        valid = await self._engine.embedding(entry, [text])
        vector = embed(entry.model, text, dimensions)
        forms = {"float": vector.tolist(), "binary": (vector > 0).astype(int).tolist()}
        answer = {
            "embedding": forms["float"],
            "embeddingsByType": {kind: forms[kind] for kind in kinds},
            "inputTextTokenCount": entry.input_tokens,
        }
        return _counted(_json(answer, entry, valid), entry.input_tokens, 0)

    async def _count_tokens(self, request: Request, entry: Entry) -> Whole:
        self._engine.profile(entry, "chat")
        check("CountTokens", entry.body, modelId=entry.model)
        match entry.body.get("input"):
            case {"converse": dict(body)}:
                parsed = converse_request(entry.model, body)
            case {"invokeModel": {"body": str(encoded)}}:
                try:
                    inner = orjson.loads(base64.b64decode(encoded, validate=True))
                except ValueError as error:
                    raise invalid("The body of invokeModel is not base64 of JSON.") from error
                parsed = anthropic_request(entry.model, inner)
            case _:
                raise invalid("The input field needs one of converse and invokeModel.")
        self._engine.strike(entry.model)
        return _json({"inputTokens": self._engine.input_tokens(parsed)}, entry)

    async def _apply_guardrail(self, request: Request, entry: Entry) -> Whole:
        name, version, _ = _guardrail_path(request)
        guardrail = self._find_guardrail(name, version)
        if guardrail is None:
            raise Refusal(Reason.NOT_FOUND, "The guardrail identifier or version is not found.")
        check(
            "ApplyGuardrail",
            entry.body,
            guardrailIdentifier=name,
            guardrailVersion=version,
        )
        content = entry.body["content"]
        if entry.body["source"] not in ("INPUT", "OUTPUT") or not content:
            raise invalid("The source field must be INPUT or OUTPUT, content must not be empty.")
        texts = [block["text"]["text"] for block in content if "text" in block]
        if len(texts) != len(content):
            raise invalid("The simulated guardrail assesses text only.")
        faults = self._engine.strike(entry.model)
        seconds = guardrail.latency_ms.draw(self._engine.random(entry.model, texts)) / 1000
        valid = await self._engine.wait(entry, faults, seconds)
        return _json(wire.apply(guardrail, entry.body, round(seconds * 1000)), entry, valid)

    async def _unknown_operation(self, request: Request, entry: Entry) -> Whole:
        raise Refusal(Reason.STATUS, status=404, code="UnknownOperationException")

    def _guardrail_of(self, config: Any) -> Guardrail | None:
        if not config:
            return None
        found = self._find_guardrail(
            config.get("guardrailIdentifier") or "", config.get("guardrailVersion") or ""
        )
        if found is None:
            raise invalid(
                "The guardrail identifier or version provided in the request does not exist."
            )
        return found

    def _find_guardrail(self, id: str, version: str) -> Guardrail | None:
        wanted = (_last_part(id), version)
        return self._engine.guardrails.get(wanted)

    def _broken(self, entry: Entry) -> Callable[[], None]:
        return partial(self._engine.close, entry, "broken")


def _raw_path(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    return raw.decode()


def _guardrail_path(request: Request) -> tuple[str, str, str]:
    """Identifier, version and operation of a guardrail's URL."""
    _, _, rest = _raw_path(request).partition("/bedrock/guardrail/")
    name, _, tail = rest.partition("/version/")
    version, _, operation = tail.partition("/")
    return unquote(name), unquote(version), operation


def _last_part(identifier: str) -> str:
    """The name itself: ARNs of models, inference profiles and guardrails end with it."""
    return identifier.rpartition("/")[2] if identifier.startswith("arn:") else identifier


def _headers(entry: Entry) -> dict[str, str]:
    return {"x-amzn-RequestId": entry.response_id}


def _json(answer: Any, entry: Entry, valid: bool = True) -> Whole:
    reply = Whole(orjson.dumps(answer), headers=_headers(entry))
    return reply if valid else converse_answers.half(reply)


def _counted(reply: Whole, input_tokens: int, output_tokens: int) -> Whole:
    counts = {
        "x-amzn-bedrock-input-token-count": str(input_tokens),
        "x-amzn-bedrock-output-token-count": str(output_tokens),
    }
    return Whole(reply.body, reply.status, {**reply.headers, **counts})
