"""One call of the Bedrock API: who calls, what is sent to LiteLLM, what is sent back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterable
from contextlib import closing
from typing import Any

import aiohttp
import orjson
from starlette.types import Receive, Scope, Send

from middleware.admission.admission import FREE, Admission, Slot
from middleware.auth import Identity, Keys
from middleware.aws import Aws
from middleware.bedrock.errors import AccessDeniedException, ValidationException, from_litellm
from middleware.budgets.budgets import Budgets
from middleware.budgets.estimate import Estimate
from middleware.budgets.purse import Purse
from middleware.budgets.reservation import NOTHING, Reservation
from middleware.caller import MAX_BODY, Caller
from middleware.errors import UpstreamBroken, UpstreamTimeout
from middleware.exchange import said as heard
from middleware.experiments.trial import trial_of
from middleware.guardrails.guarding import Sent
from middleware.guardrails.guardrails import Guardrails, guarding
from middleware.history.conversations import Conversations
from middleware.intake.addresses import AllowedHosts
from middleware.json_object import encoded
from middleware.passthrough import NOT_FORWARDED, forwarded_headers
from middleware.prompts.prompts import Prompts
from middleware.upstream import Upstream, cost_of

_OF_THE_SDK = NOT_FORWARDED | {
    b"accept",
    b"accept-encoding",
    b"amz-sdk-invocation-id",
    b"amz-sdk-request",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"x-amz-user-agent",
    b"x-amz-content-sha256",
    b"x-amz-date",
    b"x-amz-security-token",
}
Headers = Iterable[tuple[bytes, bytes]]
_SIGNED = (
    "This gateway takes a key instead of an AWS signature. Set AWS_BEARER_TOKEN_BEDROCK to your gateway "
    "key (with an https endpoint), or send the header Authorization: Bearer <key>."
)


class Exchange:
    """The caller's side and LiteLLM's side of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.caller = Caller(receive)
        self.request_id: str = scope["state"]["exchange"].request_id
        self.trial = trial_of(scope)
        """What an arm changes of the call, where its model was an experiment."""
        self._scope = scope
        self._send = send
        self._upstream: Upstream = scope["app"].state.upstream
        self.aws: Aws = scope["app"].state.aws
        self.hosts: AllowedHosts = scope["app"].state.hosts
        self.prompts: Prompts = scope["app"].state.prompts
        self.conversations: Conversations = scope["app"].state.conversations
        self.session_id = ""
        """The conversation that the call is a turn of, where it is kept."""
        self._keys: Keys = scope["app"].state.keys
        self._admission: Admission = scope["app"].state.admission
        self._budgets: Budgets = scope["app"].state.budgets
        self._guardrails: Guardrails = scope["app"].state.guardrails
        self._began = time.perf_counter()

    def authorize(self) -> None:
        """Refuse a call without a key before anything is done for it; LiteLLM checks the key itself."""
        for name, value in self._scope["headers"]:
            if name == b"authorization":
                if value.startswith(b"AWS4-"):
                    raise AccessDeniedException(_SIGNED)
                return
        raise AccessDeniedException("The request has no key. " + _SIGNED)

    async def identify(self) -> Identity:
        """Whose key it is, for a call that needs to know before LiteLLM is asked."""
        return await self._keys.identify(self._scope)

    async def slot(self, model: str, priority: int | None) -> Slot:
        """What the call has to wait for, and holds until its end; `priority` is what its caller asks for.

        Raises:
            PriorityTooHigh: it is better than his policy allows.
        """
        if self._admission.is_off:
            return FREE
        best = (await self.identify()).priority
        return self._admission.slot(model, self._admission.priority(priority, best))

    async def purse(self) -> Purse | None:
        """The caller's budgets; None where nobody has any, and the caller need not be known."""
        if not await self._budgets.are_any():
            return None
        return await self._budgets.purse(await self.identify())

    async def reserve(self, model: str, body: Any, usage: Estimate) -> Reservation:
        """What the call holds of its caller's budgets until its end."""
        purse = await self.purse()
        return await purse.hold(model, body, usage) if purse else NOTHING

    def header(self, name: bytes) -> str:
        """A header of the request's; empty where it has none."""
        values = (value for each, value in self._scope["headers"] if each == name)
        return str(next(values, b"").decode("latin-1"))

    async def guard(self, names: tuple[str, ...], kept: tuple[str, ...] = ()) -> None:
        """Have the call guarded by LiteLLM's guardrails of these names, and by those of every call.

        `names` are those that the caller has named, `kept` those in the place of Bedrock's own.

        Raises:
            UnknownGuardrail, GuardrailsUnknown: there is no such guardrail, or nobody knows.
        """
        if names or kept:
            await self.identify()
            await self._guardrails.check_names((*names, *kept))
        self._guardrails.guard(self._scope, names, kept)

    async def may_configure(self, model: str) -> None:
        """Have known what guards a model, for a call that brings a `guardrailConfig`.

        Raises:
            ServiceError: the key is not good, or nobody knows.
        """
        await self.identify()
        await self._guardrails.own_configs(model)

    async def body(self) -> Any:
        """The decoded JSON of the request's body."""
        data = await self.caller.whole(MAX_BODY)
        try:
            return orjson.loads(data or b"{}")
        except orjson.JSONDecodeError:
            raise ValidationException("The request body is not valid JSON.") from None

    async def post(
        self, target: str, body: Any, reservation: Reservation = NOTHING
    ) -> aiohttp.ClientResponse:
        """Send `body` to LiteLLM as the caller; whoever calls closes the response.

        Raises:
            BedrockError: what LiteLLM's error status means.
            Blocked, GuardrailUnavailable: a guardrail of LiteLLM's has blocked the call, or does not answer.
        """
        data = encoded(body, ValidationException)
        headers = forwarded_headers(self._scope, _OF_THE_SDK)
        headers = reservation.sending([*headers, (b"content-type", b"application/json")])

        def sending(data: bytes) -> Awaitable[aiohttp.ClientResponse]:
            return self._upstream.request("POST", target, headers, data)

        guarded = guarding(self._scope)
        sent = await guarded.send(data, sending) if guarded else Sent(await sending(data))
        response = sent.response
        if response.status >= 400:
            with closing(response):
                if reservation.is_held:
                    await reservation.refused(cost_of(response), await _said(response))
                if sent.refusal:
                    raise sent.refusal
                await _checked(response)
        return response

    async def post_json(
        self, target: str, body: Any, reservation: Reservation = NOTHING
    ) -> tuple[Any, Headers]:
        """The decoded answer of a POST, and its headers as they came."""
        with closing(await self.post(target, body, reservation)) as response:
            answer = await decoded(response)
            heard(answer)
            await reservation.settle(cost_of(response))
            return answer, response.raw_headers

    def note(self, said: Any) -> None:
        """Remember what LiteLLM said of a call, for the metrics and for the experiment that it is part of."""
        heard(said)
        if self.trial:
            self.trial.heard.take(said)

    def note_blocked(self) -> None:
        """Remember that a guardrail has answered: on the other interface that is an error."""
        if self.trial:
            self.trial.heard.is_blocked = True

    def latency_ms(self) -> int:
        """Milliseconds since the request arrived."""
        return round((time.perf_counter() - self._began) * 1000)

    async def answer(self, body: Any, headers: Headers = ()) -> None:
        data = orjson.dumps(body)
        await self.start("application/json", headers, len(data))
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def start(self, content_type: str, headers: Headers, length: int | None = None) -> None:
        """Send status 200 and the headers, LiteLLM's own among them."""
        raw = [
            (b"content-type", content_type.encode()),
            (b"x-amzn-requestid", self.request_id.encode()),
        ]
        if self.session_id:
            raw.append((b"x-session-id", self.session_id.encode()))
        if length is not None:
            raw.append((b"content-length", str(length).encode()))
        raw += [
            (lowered, value)
            for name, value in headers
            if (lowered := name.lower()).startswith(b"x-litellm-")
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    def write(self, data: bytes, *, more: bool = True) -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": data, "more_body": more})


async def _checked(response: aiohttp.ClientResponse) -> None:
    if response.status >= 400:
        raise from_litellm(response.status, await decoded(response), response.headers)


async def _said(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()  # which can be read again
    except (aiohttp.ClientError, TimeoutError):
        return b""


async def decoded(response: aiohttp.ClientResponse) -> Any:
    """The JSON of an answer; None where it is none.

    Raises:
        UpstreamTimeout, UpstreamBroken: it did not come to its end.
    """
    try:
        return orjson.loads(await response.read())
    except orjson.JSONDecodeError:
        return None
    except TimeoutError as error:
        raise UpstreamTimeout from error
    except aiohttp.ClientError as error:
        raise UpstreamBroken from error
