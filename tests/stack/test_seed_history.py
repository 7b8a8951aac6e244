"""The examples of the document that the gateway comes from: history, sessions, managed prompts.

Each runs as it is written there. Base URL, key, models, ARNs and the variables of the prompts are those of
this stack.
"""

from __future__ import annotations

import os

import boto3
import openai
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config

from .callers import BEDROCK, OPENAI, Caller

PROMPT_ARN = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTCCH1"
VERSION_ARN = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPTTXT1:2"
MODELS = pytest.mark.parametrize("model", [OPENAI, BEDROCK])


def create_bedrock_client():
    """The document's own, to the letter."""
    # Get configuration from environment variables
    endpoint = os.getenv("API_ENDPOINT")
    api_key = os.getenv("API_KEY")
    region = os.getenv("AWS_REGION")

    if not all([endpoint, api_key, region]):
        raise ValueError(
            "Missing required environment variables: API_ENDPOINT, API_KEY, AWS_REGION"
        )

    # Initialize session and configure client
    session = boto3.Session()
    client_config = Config(
        signature_version=UNSIGNED,  # Disable SigV4 signing
        retries={"max_attempts": 10, "mode": "standard"},
    )

    # Create the Bedrock client
    client = session.client(
        "bedrock-runtime",
        endpoint_url=endpoint,
        config=client_config,
        region_name=region,
    )

    # Define authorization header handler
    def add_authorization_header(request, **kwargs):
        request.headers["Authorization"] = f"Bearer {api_key}"

    # Register the event handler
    client.meta.events.register("request-created.*", add_authorization_header)

    return client


@pytest.fixture
def environment(stack, caller, monkeypatch):
    """The variables that the document has people export."""
    monkeypatch.setenv("API_ENDPOINT", f"{stack.base_url}/bedrock")
    monkeypatch.setenv("API_KEY", caller.key)
    monkeypatch.setenv("AWS_REGION", stack.environment["AWS_REGION"])
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def bedrock(environment, provider):
    return create_bedrock_client()


@pytest.fixture
def client(caller, provider):
    return openai.OpenAI(base_url=f"{caller.url}/v1", api_key=caller.key)


@pytest.fixture
def prompts(marker):
    return f"echo: my name is {marker}", f"What is my name? ({marker})"


def said(received, wire):
    """The roles and texts of the messages that a provider received."""
    return [
        (
            message["role"],
            message["content"]
            if wire == "openai"
            else "".join(block["text"] for block in message["content"]),
        )
        for message in received.body["messages"]
    ]


def assert_continued(provider, marker, *questions):
    """The second call brought the first one, question and answer, before its own question."""
    first, second = provider.received(marker)
    before = said(first, first.wire)
    assert before == [("user", questions[0])]
    assert said(second, second.wire) == [
        *before,
        ("assistant", f"my name is {marker}"),
        ("user", questions[1]),
    ]


@MODELS
def test_openai_interface_without_streaming(client, provider, marker, prompts, model):
    prompt, prompt2 = prompts
    response = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        stream=False,
    )

    session_id = response.model_extra.get("session_id")

    response_2 = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt2}],
        stream=False,
        extra_body={"session_id": session_id},
    )
    assert session_id and response_2.model_extra["session_id"] == session_id
    assert_continued(provider, marker, prompt, prompt2)


@MODELS
def test_openai_interface_with_streaming(client, provider, marker, prompts, model):
    prompt = prompts[0]
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        stream=True,
    )
    session_id = None
    first_chunk = True
    for chunk in stream:
        # Get session_id from first chunk
        if first_chunk:
            session_id = getattr(chunk, "session_id", None)
            first_chunk = False
        # Do normal processing on all chunks

    stream2 = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        stream=True,
        extra_body={"session_id": session_id},
    )
    assert session_id and next(iter(stream2)).session_id == session_id
    assert list(stream2)[-1].choices[0].finish_reason == "stop"
    assert_continued(provider, marker, prompt, prompt)


@MODELS
def test_bedrock_interface(bedrock, provider, marker, prompts, model):
    client, model_id, (message, message2) = bedrock, model, prompts
    response = client.converse(
        modelId=model_id,
        messages=[{"role": "user", "content": [{"text": message}]}],
    )
    session_id = response["ResponseMetadata"]["HTTPHeaders"].get("x-session-id")

    response2 = client.converse(
        modelId=model_id,
        additionalModelRequestFields={"session_id": session_id},
        messages=[{"role": "user", "content": [{"text": message2}]}],
    )
    assert session_id == response2["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    assert_continued(provider, marker, message, message2)


@MODELS
def test_bedrock_interface_with_streaming(bedrock, provider, marker, prompts, model):
    client, model_id, (message, message2) = bedrock, model, prompts
    response = client.converse_stream(
        modelId=model_id,
        messages=[{"role": "user", "content": [{"text": message}]}],
    )
    session_id = response["ResponseMetadata"]["HTTPHeaders"].get("x-session-id")
    assert "messageStop" in str(list(response["stream"]))

    response2 = client.converse_stream(
        modelId=model_id,
        messages=[{"role": "user", "content": [{"text": message2}]}],
        additionalModelRequestFields={"session_id": session_id},
    )
    assert session_id == response2["ResponseMetadata"]["HTTPHeaders"]["x-session-id"]
    assert "messageStop" in str(list(response2["stream"]))
    assert_continued(provider, marker, message, message2)


def test_a_managed_prompt_with_boto3(bedrock):
    client = bedrock
    model_id = PROMPT_ARN  # Put the arn of your prompt as the model_id
    response = client.converse(
        modelId=model_id,
        promptVariables={  # specify any variables you need for your prompt
            "game": {"text": "fruit"},
        },
    )
    assert response["output"]["message"]["content"] == [{"text": "The rules of fruit are long."}]


def test_a_managed_prompt_with_the_openai_sdk(client, provider, marker):
    def example():
        model = VERSION_ARN  # Put the arn of your prompt as the model_id
        response = client.chat.completions.create(
            model=model,
            messages=[],  # Messages is required to be passed in, but it will not be used.
            # Your managed prompt will be used instead
            stream=False,
            extra_body={"promptVariables": {"city": {"text": marker}, "tone": {"text": "dry"}}},
        )
        return response.choices[0].message.content

    assert example()
    received = provider.only(marker)
    assert said(received, "bedrock") == [
        ("user", f"Tell me one fact about {marker} in a dry tone.")
    ]


def test_chat_history_in_both_formats(environment, caller, provider, marker, capsys):
    base_url, api_key = caller.url, caller.key
    session_id = caller.begin(f"echo: {marker}")

    # Common headers, including authorization
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    # Request body containing session_id
    payload = {"session_id": session_id}

    # Endpoint to get chat history in OpenAI format
    openai_url = f"{base_url}/chat-history"
    response_openai = requests.post(openai_url, json=payload, headers=headers)
    if response_openai.status_code == 200:
        print("OpenAI Format History:")
        print(response_openai.json())
    else:
        print("Failed to retrieve OpenAI format history")
        print("Status code:", response_openai.status_code)
        print("Response:", response_openai.text)

    # Endpoint to get chat history in Bedrock format
    bedrock_url = f"{base_url}/bedrock/chat-history"
    response_bedrock = requests.post(bedrock_url, json=payload, headers=headers)
    if response_bedrock.status_code == 200:
        print("\nBedrock Format History:")
        print(response_bedrock.json())
    else:
        print("Failed to retrieve Bedrock format history")
        print("Status code:", response_bedrock.status_code)
        print("Response:", response_bedrock.text)

    assert "Failed" not in capsys.readouterr().out
    assert response_openai.json()["messages"] == [
        {"role": "user", "content": f"echo: {marker}"},
        {"role": "assistant", "content": marker},
    ]
    assert response_bedrock.json()["messages"] == [
        {"role": "user", "content": [{"text": f"echo: {marker}"}]},
        {"role": "assistant", "content": [{"text": marker}]},
    ]


def test_all_session_ids_of_a_key(environment, someone, marker, capsys):
    caller = someone()
    base_url, api_key = caller.url, caller.key
    begun = [caller.begin(f"echo: {number} {marker}") for number in range(3)]

    endpoint = f"{base_url}/session-ids"
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    response = requests.post(endpoint, headers=headers, json={})
    if response.status_code == 200:
        print("Success!")
        print("Session IDs:", response.json().get("session_ids", []))
    else:
        print(f"Error: {response.status_code}")
        print(response.text)

    assert capsys.readouterr().out == f"Success!\nSession IDs: {begun[::-1]}\n"


def test_a_session_is_tied_to_its_key(caller, someone, provider, marker):
    session = caller.begin(f"echo: {marker}")
    other = someone()
    for path in ("/chat-history", "/bedrock/chat-history"):
        assert other.http.post(path, json={"session_id": session}).status_code == 404
    assert session not in str(other.http.post("/session-ids", json={}).json())
    with pytest.raises(openai.NotFoundError):
        other.say(f"And now? {marker}", extra_body={"session_id": session})
    with pytest.raises(other.bedrock.exceptions.ResourceNotFoundException):
        other.converse("And now?", additionalModelRequestFields={"session_id": session})
    assert len(provider.received(marker)) == 1


def test_two_keys_of_one_user_do_not_share_a_session(someone, marker):
    user_id = f"user-{marker}"
    first, second = someone(user_id=user_id), someone(user_id=user_id)
    session = first.begin(f"echo: {marker}")
    assert second.history(session).status_code == 404
    assert first.history(session).status_code == 200


def test_the_one_who_holds_the_master_key_reads_everybodys(caller, master: Caller, marker):
    session = caller.begin(f"echo: {marker}")
    assert master.spoken(session)[1]["content"] == marker


def test_a_missing_variable_is_the_documents_own_error(monkeypatch):
    monkeypatch.delenv("API_KEY", raising=False)
    with pytest.raises(ValueError, match="Missing required environment variables"):
        create_bedrock_client()
