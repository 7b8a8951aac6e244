"""The ready-made clients against the complete stack."""

import pytest

from gateway_lib import clients
from gateway_lib.errors import GatewayUnreachable
from gateway_lib.settings import Settings, settings_of

MODEL = "amazon.nova-lite-v1:0"
HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def known(stack) -> Settings:
    bundle = {"GATEWAY_CA_BUNDLE": stack.environment["AWS_CA_BUNDLE"]}
    return settings_of({**stack.environment, **bundle})


def test_openai_through_either_door(known):
    secure = known.model_copy(update={"base_url": known.tls_url})
    for settings in (known, secure):
        with clients.openai_client(settings) as client:
            answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8)
        assert answer.choices[0].message.content
        assert clients.gateway_health(settings)["db"] == "connected"


async def test_openai_for_asyncio(known):
    async with clients.async_openai_client(known) as client:
        answer = await client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8)
    assert answer.usage.completion_tokens <= 8


@pytest.mark.parametrize("door", ["https", "http"])
def test_bedrock_sends_the_key_over_either_door(known, door):
    settings = known if door == "https" else known.model_copy(update={"tls_url": None})
    ask = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    answer = clients.bedrock_client(settings).converse(**ask)
    assert answer["output"]["message"]["content"][0]["text"]
    stranger = clients.bedrock_client(settings.as_user("sk-nobody"))
    with pytest.raises(stranger.exceptions.ClientError) as refused:
        stranger.converse(**ask)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)


def test_admin_errors_are_one_clear_line(known):
    with clients.admin_client(known) as admin:
        with pytest.raises(GatewayUnreachable, match=r"^GET /no/such: HTTP 404: "):
            admin.get("/no/such")
        made = admin.post("/user/new", max_budget=0.5)
        assert admin.get("/user/info", user_id=made["user_id"])["user_info"]["max_budget"] == 0.5
        booked, waited = admin.wait_for_spend(made["user_id"], 1.0, timeout_s=0.6)
        assert booked == 0.0
        assert waited >= 0.6
        admin.post("/user/delete", user_ids=[made["user_id"]])


def test_nobody_there_is_one_clear_line():
    away = settings_of({"GATEWAY_BASE_URL": "http://127.0.0.1:9", "GATEWAY_MASTER_KEY": "sk-x"})
    with pytest.raises(GatewayUnreachable, match="the gateway does not answer"):
        clients.gateway_health(away)
    with clients.admin_client(away) as admin, pytest.raises(GatewayUnreachable, match="GET /x: "):
        admin.get("/x")
