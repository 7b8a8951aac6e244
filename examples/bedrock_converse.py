"""A conversation with any model of the gateway through boto3's Bedrock client.

    export API_ENDPOINT=https://<gateway>/bedrock API_KEY=<your gateway key> AWS_REGION=us-east-1
    pip install boto3
    python bedrock_converse.py [MODEL] [QUESTION]

On a local stack `eval "$(gateway env)"` sets all that is needed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MODEL = "gpt-4o-mini"
QUESTION = "What is the capital of France?"


def setting(*names: str) -> str:
    """The first of these environment variables that is set."""
    for name in names:
        if value := os.environ.get(name):
            return value
    sys.exit(f"set {names[0]}" + (f" (or {names[1]})" if names[1:] else ""))


def bedrock_client() -> Any:
    """A Bedrock client of the gateway.

    The gateway takes a key instead of an AWS signature, so requests are not signed and a hook adds the key.
    Over https boto3 does the same by itself when AWS_BEARER_TOKEN_BEDROCK is set; the hook works over http
    as well.
    """
    key = setting("API_KEY", "AWS_BEARER_TOKEN_BEDROCK")
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=setting("API_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        region_name=setting("AWS_REGION", "AWS_DEFAULT_REGION"),
        config=Config(signature_version=UNSIGNED, retries={"mode": "standard"}),
    )

    def add_authorization_header(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {key}"

    client.meta.events.register("request-created.bedrock-runtime.*", add_authorization_header)
    return client


def asked() -> dict[str, Any]:
    """The request that the command line stands for."""
    given = sys.argv[1:3]
    model, question = given + [MODEL, QUESTION][len(given) :]
    return {
        "modelId": model,
        "messages": [{"role": "user", "content": [{"text": question}]}],
        "inferenceConfig": {"maxTokens": 500},
    }


def main() -> None:
    """Ask one question; print the answer, and what it took on the error stream."""
    try:
        answer = bedrock_client().converse(**asked())
    except (BotoCoreError, ClientError) as error:
        sys.exit(str(error))
    for block in answer["output"]["message"]["content"]:
        if "text" in block:
            print(block["text"])
    usage, latency = answer["usage"], answer["metrics"]["latencyMs"]
    tokens = f"{usage['inputTokens']} tokens in, {usage['outputTokens']} out"
    print(f"{tokens}, {latency} ms, {answer['stopReason']}", file=sys.stderr)


if __name__ == "__main__":
    main()
