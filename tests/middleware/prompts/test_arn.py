from __future__ import annotations

import boto3
import pytest
from botocore.loaders import Loader

from middleware.aws import AGENT, endpoint
from middleware.prompts.arn import PromptArn
from middleware.prompts.errors import InvalidPromptArn

ARN = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ"


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        "gpt-4o",
        "arn:",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:prompt-router/abcdefghij12",
        "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
        "arn:aws:sagemaker:us-east-1:123456789012:prompt/ABCDEFGHIJ",
        f" {ARN}",
        f"x{ARN}",
        ARN.upper(),
    ],
)
def test_what_names_no_prompt(model_id):
    assert PromptArn.parse(model_id) is None


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "us-east-1"),
        ("aws", "ap-southeast-7"),
        ("aws", "mx-central-1"),
        ("aws", "eu-imaginary-12"),  # what botocore does not know yet
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
    ],
)
@pytest.mark.parametrize("version", [None, "DRAFT", "1", "00001", "99999"])
def test_the_parts_of_an_arn(partition, region, version):
    text = f"arn:{partition}:bedrock:{region}:123456789012:prompt/aBcDeFgH12"
    text += f":{version}" if version else ""
    arn = PromptArn.parse(text)
    assert arn == PromptArn(partition, region, "123456789012", "aBcDeFgH12", version)
    assert str(arn) == text and arn.identifier == text.removesuffix(f":{version}")


def test_every_region_that_botocore_knows_is_one():
    for partition in Loader().load_data("partitions")["partitions"]:
        for region in partition["regions"]:
            if not region.endswith("-global"):
                text = f"arn:{partition['id']}:bedrock:{region}:123456789012:prompt/ABCDEFGHIJ"
                assert PromptArn.parse(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (ARN.replace("us-east-1", ""), "no region ''"),
        (ARN.replace("us-east-1", "us-east-1.evil.example/x?"), "no region"),
        (ARN.replace("us-east-1", "us-east-1\n"), "no region"),
        (ARN.replace("us-east-1", "us-east-1@evil"), "no region"),
        (ARN.replace("us-east-1", "us-east-\u0661"), "no region"),
        (ARN.replace("us-east-1", "US-EAST-1"), "no region"),
        (ARN.replace("us-east-1", "aws-global"), "no region"),
        (ARN.replace("us-east-1", "us-gov-west-1"), "partition 'aws'"),
        (ARN.replace("us-east-1", "xx-nowhere-1"), "no region"),
        (ARN.replace("us-east-1", "us-" + "x" * 40 + "-1"), "no region"),
        (ARN.replace("arn:aws:", "arn:aws-cn:"), "partition 'aws-cn'"),
        (ARN.replace("arn:aws:", "arn::"), "partition ''"),
        (ARN.replace("123456789012", ""), "12 digits"),
        (ARN.replace("123456789012", "12345678901"), "12 digits"),
        (ARN.replace("123456789012", "123456789o12"), "12 digits"),
        (ARN[:-1], "10 letters and digits"),
        (f"{ARN}K", "10 letters and digits"),
        (f"{ARN}/x", "10 letters and digits"),
        (f"{ARN}\n", "10 letters and digits"),
        (f"{ARN}:", "1 to 5 digits"),
        (f"{ARN}:0", "1 to 5 digits"),
        (f"{ARN}:123456", "1 to 5 digits"),
        (f"{ARN}:latest", "1 to 5 digits"),
        (f"{ARN}:1:2", "1 to 5 digits"),
        (f"{ARN}:1\n", "1 to 5 digits"),
        (f"{ARN}:\u0661", "1 to 5 digits"),
        (ARN.replace("ABCDEFGHIJ", ""), "10 letters and digits"),
    ],
)
def test_what_looks_like_a_prompt_and_is_none_is_refused(wrong, words):
    with pytest.raises(InvalidPromptArn, match=words) as caught:
        PromptArn.parse(wrong)
    assert caught.value.status == 400 and caught.value.kind == "invalid_request_error"


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1"]
)
def test_the_address_is_the_one_that_botocore_takes(region):
    client = boto3.client("bedrock-agent", region_name=region)
    assert endpoint(AGENT, region) == client.meta.endpoint_url
    client.close()
