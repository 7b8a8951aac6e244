"""What Bedrock's wire refuses: wrong requests, too long ones, and those without authorization."""

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.lib.simulator.bedrock import NOVA, text_of, user


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("The provided model identifier is invalid.", {"modelId": "no.such-model"}),
        ("The provided model identifier is invalid.", {"modelId": "gpt-4o"}),
        ("ContentBlock object at messages.0.content.0 is blank", {"messages": user("")}),
        (
            "must start with a user",
            {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
        ),
        ("must start with a user", {"messages": []}),
        ("must alternate", {"messages": user("x") * 2}),
        ("exceeds the model limit of 10000", {"inferenceConfig": {"maxTokens": 20000}}),
        (
            "guardrail identifier or version",
            {"guardrailConfig": {"guardrailIdentifier": "no", "guardrailVersion": "1"}},
        ),
    ],
)
def test_refusals(bedrock, words, change):
    with pytest.raises(ClientError, match=words) as caught:
        bedrock.converse(**{"modelId": NOVA, "messages": user("x")} | change)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def test_context_window(bedrock, control):
    control.profile(NOVA, context_window=50)
    with pytest.raises(ClientError, match="Input is too long for requested model"):
        bedrock.converse(modelId=NOVA, messages=user("a " * 60))


def test_authorization(base):
    anonymous = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{base}/bedrock",
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as caught:
        anonymous.converse(modelId=NOVA, messages=user("x"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    anonymous.meta.events.register(
        "before-send.bedrock-runtime.*",
        lambda request, **_: request.headers.update(Authorization="Bearer abc"),
    )
    assert text_of(anonymous.converse(modelId=NOVA, messages=user("echo: hi"))) == "hi"
    anonymous.close()
