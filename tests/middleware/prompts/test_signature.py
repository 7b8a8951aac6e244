"""What is sent is what botocore would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest

from middleware.prompts.arn import PromptArn
from tests.middleware.conftest import served

from .conftest import MakeAws


class Recorder:
    """Keeps the raw path, the query and the headers of each request."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, bytes, dict[bytes, bytes]]] = []
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append((scope["raw_path"], scope["query_string"], dict(scope["headers"])))
            headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    app = Recorder()
    async with served(app, lifespan="off") as url:
        app.url = url
        yield app


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ",
        "arn:aws:bedrock:eu-west-1:123456789012:prompt/ABCDEFGHIJ:7",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:prompt/ABCDEFGHIJ:DRAFT",
        "arn:aws-cn:bedrock:cn-north-1:123456789012:prompt/0123456789:12345",
    ],
)
@pytest.mark.parametrize("token", [None, "a/session+token="])
async def test_path_query_and_signature_are_botocores(
    text: str, token: str | None, recorder: Recorder, make_aws: MakeAws, credentials: Any
):
    if token:
        credentials.setenv("AWS_SESSION_TOKEN", token)
    arn = PromptArn.parse(text)
    assert arn
    aws = await make_aws(bedrock_agent_endpoint=recorder.url)
    session = boto3.Session(region_name=arn.region)
    client = session.client("bedrock-agent", endpoint_url=recorder.url)
    version = {"promptVersion": arn.version} if arn.version else {}
    for _ in range(10):  # until both are of the same second, which is signed too
        await aws.get(arn.path, arn.region)
        await asyncio.to_thread(client.get_prompt, promptIdentifier=arn.identifier, **version)
        ours, botocores = recorder.seen[-2:]
        if ours[2][b"x-amz-date"] == botocores[2][b"x-amz-date"]:
            break
    client.close()
    assert ours[:2] == botocores[:2]
    for name in (b"authorization", b"x-amz-date", b"x-amz-security-token", b"host"):
        assert ours[2].get(name) == botocores[2].get(name), name
    assert f"/{arn.region}/bedrock/aws4_request".encode() in ours[2][b"authorization"]
