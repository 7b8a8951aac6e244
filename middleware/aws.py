"""Signed calls to AWS over the service's one http client.

botocore finds the credentials and signs; it is not used to send, since its own client blocks.
"""

from __future__ import annotations

import asyncio

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from yarl import URL

from middleware.errors import UpstreamBroken, UpstreamUnavailable
from middleware.settings import Settings
from middleware.upstream import Upstream


class Aws:
    """Bedrock's own API, with the credentials of the service (a task role, an environment, a profile)."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self._region = settings.aws_region
        self._endpoint = (
            settings.bedrock_endpoint
            or f"https://bedrock-runtime.{settings.aws_region}.amazonaws.com"
        ).rstrip("/")
        self._upstream = upstream
        self._session = Session()

    async def post(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a signed POST.

        Args:
            path: below the endpoint, percent-encoded.
            body: JSON.

        Raises:
            UpstreamUnavailable: there are no credentials, or AWS cannot be reached.
            UpstreamBroken: AWS broke off.
        """
        url = self._endpoint + path
        # finding or renewing credentials may ask a metadata service, which blocks
        headers = await asyncio.to_thread(self._signed, url, body)
        try:
            async with self._upstream.session.post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, dict(response.headers), await response.read()
        except (aiohttp.ClientConnectorError, TimeoutError) as error:
            raise UpstreamUnavailable from error
        except aiohttp.ClientError as error:
            raise UpstreamBroken from error

    def _signed(self, url: str, body: bytes) -> dict[str, str]:
        try:
            found: Credentials | None = self._session.get_credentials()
        except BotoCoreError as error:
            raise UpstreamUnavailable from error
        if found is None:
            raise UpstreamUnavailable
        request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
        SigV4Auth(found.get_frozen_credentials(), "bedrock", self._region).add_auth(request)
        return dict(request.headers.items())
