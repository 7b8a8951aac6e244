"""Signed calls to AWS over the service's one http client.

botocore finds the addresses and credentials and signs; it is not used to send, since its own client blocks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.session import Session
from yarl import URL

from middleware.errors import UpstreamBroken, UpstreamUnavailable
from middleware.settings import Settings
from middleware.upstream import Upstream

log = logging.getLogger("middleware")
RUNTIME, AGENT = "bedrock-runtime", "bedrock-agent"
AGENT_SECONDS = 10.0
_UNAVAILABLE = "Amazon Bedrock is not available to the gateway. Try again shortly."

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    service: str
    region: str
    path: str
    body: bytes | None = None
    seconds: float | None = None


class Aws:
    """Bedrock's own API, with the credentials of the service (a task role, an environment, a profile)."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self._region = settings.aws_region
        self._endpoints = {
            RUNTIME: settings.bedrock_endpoint,
            AGENT: settings.bedrock_agent_endpoint,
        }
        self._upstream = upstream
        self._session = Session()

    async def post(self, path: str, body: bytes) -> Answer:
        """A POST to Bedrock Runtime in the service's own region.

        Args:
            path: below the endpoint, percent-encoded.
            body: JSON.

        Raises:
            UpstreamUnavailable: there are no credentials, or AWS cannot be reached.
            UpstreamBroken: AWS broke off.
        """
        return await self._send(_Call("POST", RUNTIME, self._region, path, body))

    async def get(self, path: str, region: str) -> Answer:
        """A GET of Bedrock's build-time API, `bedrock-agent`, in any region; it raises what `post` raises.

        Args:
            path: below the endpoint, percent-encoded, with its query.
            region: becomes a part of the host's name, so it must have been checked.
        """
        return await self._send(_Call("GET", AGENT, region, path, seconds=AGENT_SECONDS))

    async def _send(self, call: _Call) -> Answer:
        # finding or renewing credentials may ask a metadata service, which blocks
        url, headers = await asyncio.to_thread(self._signed, call)
        session = self._upstream.elsewhere
        timeout = aiohttp.ClientTimeout(call.seconds) if call.seconds else session.timeout
        try:
            async with session.request(
                call.method,
                URL(url, encoded=True),
                data=call.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, TimeoutError) as error:
            raise UpstreamUnavailable(_UNAVAILABLE) from error
        except aiohttp.ClientError as error:
            raise UpstreamBroken("Amazon Bedrock broke off before it answered.") from error

    def _signed(self, call: _Call) -> tuple[str, dict[str, str]]:
        """The address, and the headers with the signature."""
        base = self._endpoints[call.service] or endpoint(call.service, call.region)
        url = base.rstrip("/") + call.path
        headers = {"content-type": "application/json"} if call.body is not None else {}
        request = AWSRequest(call.method, url, headers, call.body)
        SigV4Auth(self._credentials(), "bedrock", call.region).add_auth(request)
        return url, dict(request.headers.items())

    def _credentials(self) -> ReadOnlyCredentials:
        try:
            found: Credentials | None = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        # the last of them is what botocore raises for new credentials that have expired already
        except (BotoCoreError, ClientError, RuntimeError) as error:
            log.warning("AWS credentials cannot be had", extra={"reason": type(error).__name__})
            raise UpstreamUnavailable(_UNAVAILABLE) from error
        if frozen is None:
            log.warning("there are no AWS credentials")
            raise UpstreamUnavailable(_UNAVAILABLE)
        return frozen


@lru_cache(maxsize=256)
def endpoint(service: str, region: str) -> str:
    """AWS's own address, with the suffix of the region's partition."""
    found = _provider(service).resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
    return str(found.url)


@cache
def _provider(service: str) -> EndpointProvider:
    loader = Loader()
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    return EndpointProvider(rules, loader.load_data("partitions"))
