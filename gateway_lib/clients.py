"""Ready-made clients of the gateway: OpenAI SDK, boto3's Bedrock Runtime, and the admin API.

Each takes what it needs from `Settings`, so the same line works on the local stack and on AWS.
The SDKs are imported where they are used: together they take over a second.
"""

from __future__ import annotations

import ssl
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx

from gateway_lib.errors import GatewayUnreachable
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from openai import AsyncOpenAI, OpenAI


def verification_of(settings: Settings) -> ssl.SSLContext | bool:
    if settings.ca_bundle is None:
        return True
    return ssl.create_default_context(cafile=str(settings.ca_bundle))


def http_client(settings: Settings, key: str = "") -> httpx.Client:
    """Plain HTTP to the gateway, as whoever has `key`; each request may name another.

    Raises:
        SettingsError: No gateway is known.
    """
    return httpx.Client(
        base_url=settings.gateway(),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=settings.timeout_s,
        verify=verification_of(settings),
    )


def openai_client(settings: Settings | None = None, *, max_retries: int = 2) -> OpenAI:
    """OpenAI SDK client of the gateway, with the user's key.

    Args:
        settings: Those of the process when not given.
        max_retries: Retries of the SDK; 0 where every attempt has to be seen.

    Raises:
        SettingsError: No gateway or no key is known.
    """
    from openai import DefaultHttpxClient, OpenAI

    known = settings or process_settings()
    return OpenAI(
        base_url=f"{known.gateway()}/v1",
        api_key=known.user_key(),
        timeout=known.timeout_s,
        max_retries=max_retries,
        http_client=DefaultHttpxClient(verify=verification_of(known)),
    )


def async_openai_client(settings: Settings | None = None, *, max_retries: int = 2) -> AsyncOpenAI:
    """Same as `openai_client`, for asyncio."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    known = settings or process_settings()
    return AsyncOpenAI(
        base_url=f"{known.gateway()}/v1",
        api_key=known.user_key(),
        timeout=known.timeout_s,
        max_retries=max_retries,
        http_client=DefaultAsyncHttpxClient(verify=verification_of(known)),
    )


def bedrock_client(
    settings: Settings | None = None, *, max_retries: int = 2
) -> BedrockRuntimeClient:
    """boto3 client of the Bedrock Runtime API the gateway serves at `<base>/bedrock`.

    botocore sends bearer tokens over TLS only. With an https door the token goes the official
    way; over plain http requests stay unsigned and a hook adds the header.

    Args:
        settings: Those of the process when not given.
        max_retries: Retries of the SDK; 0 where every attempt has to be seen.

    Raises:
        SettingsError: No gateway or no key is known.
    """
    import boto3
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.tokens import FrozenAuthToken

    known = settings or process_settings()
    key, plain = known.user_key(), known.gateway()
    door = known.tls_url or plain
    secure = door.startswith("https://")

    class _UserKey:
        def load_token(self, **_: object) -> FrozenAuthToken:
            return FrozenAuthToken(key)

    session = botocore.session.Session()
    session.register_component("token_provider", _UserKey())
    client: BedrockRuntimeClient = boto3.Session(
        botocore_session=session, region_name=known.aws_region
    ).client(
        "bedrock-runtime",
        endpoint_url=f"{door}/bedrock",
        verify=str(known.ca_bundle) if known.ca_bundle else None,
        config=Config(
            signature_version="bearer" if secure else UNSIGNED,
            read_timeout=known.timeout_s,
            retries={"mode": "standard", "total_max_attempts": max_retries + 1},
            max_pool_connections=32,
        ),
    )
    if not secure:

        def add_key(request: Any, **_: object) -> None:
            request.headers["Authorization"] = f"Bearer {key}"

        client.meta.events.register("before-send.bedrock-runtime", add_key)
    return client


class GatewayClient:
    """The gateway's own API; JSON in, JSON out."""

    def __init__(self, settings: Settings, key: str) -> None:
        """Speak to the gateway of `settings` as whoever has `key`."""
        self._http = http_client(settings, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Answer of `GET path?query`."""
        return self._send("GET", path, params=query)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Answer of `POST path` with `body` as JSON."""
        return self._send("POST", path, json=body)

    def send(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Whatever answer came, an error too; `what` is httpx's.

        Raises:
            GatewayUnreachable: None came.
        """
        try:
            return self._http.request(method, path, **what)
        except httpx.HTTPError as error:
            raise GatewayUnreachable(f"{method} {path}: {error or type(error).__name__}") from None

    def _send(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        answer = self.send(method, path, **what)
        if answer.is_error:
            raise GatewayUnreachable(
                f"{method} {path}: HTTP {answer.status_code}: {error_text(answer)}"
            )
        parsed = answer.json()
        return parsed if isinstance(parsed, dict) else {"data": parsed}


class AdminClient(GatewayClient):
    """The same with the administrator's key."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, settings.admin_key())

    def wait_for_spend(
        self, user_id: str, at_least: float, *, timeout_s: float = 30.0
    ) -> tuple[float, float]:
        """Wait until the gateway has booked a user's spend.

        The gateway writes spend in batches, seconds after the call.

        Args:
            user_id: Whose spend.
            at_least: USD to wait for; a millionth part may be missing, for rounding.
            timeout_s: Seconds to wait at most.

        Returns:
            Spend in USD as booked when the wait ended, and how many seconds it took.
        """
        start = time.monotonic()
        while True:
            booked = float(self.get("/user/info", user_id=user_id)["user_info"]["spend"] or 0.0)
            waited = time.monotonic() - start
            if booked >= at_least * (1 - 1e-6) or waited >= timeout_s:
                return booked, waited
            time.sleep(0.5)


def error_text(answer: httpx.Response) -> str:
    """What an error says, whichever protocol it is of."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text.strip()[:200] or answer.reason_phrase
    error = body.get("error", body.get("detail", body)) if isinstance(body, dict) else body
    return str(error.get("message", error) if isinstance(error, dict) else error)[:300]


def gateway_client(settings: Settings | None = None) -> GatewayClient:
    """Client of the gateway's own API, with the user's key.

    Raises:
        SettingsError: No gateway or no key is known.
    """
    known = settings or process_settings()
    return GatewayClient(known, known.user_key())


def admin_client(settings: Settings | None = None) -> AdminClient:
    """Client of the admin API.

    Raises:
        SettingsError: No gateway or no administrator's key is known.
    """
    return AdminClient(settings or process_settings())


def gateway_health(settings: Settings | None = None) -> dict[str, Any]:
    """What the gateway says of itself at `/readyz`, and more where the key may ask LiteLLM.

    Raises:
        GatewayUnreachable: It does not answer, or is not ready.
    """
    known = settings or process_settings()
    key = known.master_key or known.api_key
    with http_client(known, key.get_secret_value() if key else "") as http:
        try:
            answer = http.get("/readyz")
            more = http.get("/health/readiness/details")
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise GatewayUnreachable(f"the gateway does not answer: {reason}") from None
    if answer.is_error:
        raise GatewayUnreachable(
            f"the gateway is not ready: HTTP {answer.status_code}: {error_text(answer)}"
        )
    told = [part.json() for part in (more, answer) if part.is_success]
    return {key: item for part in told if isinstance(part, dict) for key, item in part.items()}
