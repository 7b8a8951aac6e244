from __future__ import annotations

import pytest

from middleware.bedrock.catalogue import Catalogue


class LiteLLM:
    """Answers as LiteLLM's admin API does; None is a failure."""

    def __init__(self, **answers) -> None:
        self.answers = {
            "/model/info": {"data": []},
            "/v2/guardrails/list": {},
            "/router/settings": {},
        }
        self.answers |= {f"/{name.replace('__', '/')}": answer for name, answer in answers.items()}
        self.asked: list[str] = []

    async def fetch(self, target: str, key: str):
        assert key == "sk-service"
        self.asked.append(target)
        return self.answers[target]


def models(**names):
    return {
        "data": [
            {"model_name": name.replace("_", "."), "litellm_params": {"model": f"{provider}/x"}}
            for name, providers in names.items()
            for provider in providers.split()
        ]
    }


async def known(**answers) -> Catalogue:
    catalogue = Catalogue(LiteLLM(**answers), "sk-service")
    await catalogue.ask()
    return catalogue


async def test_a_model_is_bedrocks_when_all_of_its_deployments_are():
    catalogue = await known(model__info=models(a="bedrock bedrock", b="bedrock openai", c="openai"))
    assert catalogue.route("a").bedrock_only
    assert not catalogue.route("b").bedrock_only and catalogue.route("b").any_bedrock
    assert not catalogue.route("c").any_bedrock
    assert not catalogue.route("unknown").bedrock_only


async def test_a_model_that_nobody_serves_is_known_to_be_lacking():
    settings = {"current_values": {"model_group_alias": {"short": "a", "other": {"model": "b"}}}}
    catalogue = await known(model__info=models(a="bedrock", b="openai"), router__settings=settings)
    assert catalogue.lacks("c") and catalogue.lacks("arn:aws:bedrock:us-east-1::foundation-model/c")
    assert not catalogue.lacks("a") and not catalogue.lacks("arn:aws:bedrock:us-east-1::model/b")
    assert not catalogue.lacks("short") and not catalogue.lacks("other")
    assert catalogue.route("short").bedrock_only and not catalogue.route("other").bedrock_only


async def test_nothing_is_lacking_where_that_cannot_be_known():
    assert not Catalogue(LiteLLM(), "").lacks("a")
    wild = {"model_name": "openai/*", "litellm_params": {"model": "openai/*"}}
    assert not (await known(model__info={"data": [wild]})).lacks("openai/gpt-4o")


@pytest.mark.parametrize(
    "settings",
    [
        {"fallbacks": [{"a": ["b"]}]},
        {"context_window_fallbacks": [{"a": ["b"]}]},
        {"content_policy_fallbacks": [{"a": ["b"]}]},
        {"default_fallbacks": ["b"]},
        {"fallbacks": [{"*": ["b"]}]},
        {"fallbacks": [{"a": ["c"]}, {"c": ["b"]}]},
        {"fallbacks": [{"a": ["not-a-known-model"]}]},
    ],
)
async def test_a_fallback_to_another_provider_counts(settings):
    catalogue = await known(
        model__info=models(a="bedrock", b="openai", c="bedrock"),
        router__settings={"current_values": settings},
    )
    assert not catalogue.route("a").bedrock_only


async def test_a_fallback_among_bedrocks_own_changes_nothing():
    values = {"fallbacks": [{"a": ["c"]}, {"b": ["a"]}], "context_window_fallbacks": None}
    catalogue = await known(
        model__info=models(a="bedrock", b="openai", c="bedrock"),
        router__settings={"current_values": values},
    )
    assert catalogue.route("a").bedrock_only


async def test_an_arn_names_the_model_it_ends_in():
    catalogue = await known(model__info=models(**{"amazon_nova": "bedrock"}))
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova"
    assert catalogue.route(arn).model == "amazon.nova"
    other = "arn:aws:bedrock:us-east-1::foundation-model/other"
    assert catalogue.route(other).model == other


async def test_guardrails_are_found_by_id_or_arn_and_version():
    listed = {
        "guardrails": [
            {
                "guardrail_name": "n",
                "litellm_params": {"guardrailIdentifier": "g", "guardrailVersion": 1},
            },
            {"guardrail_name": "other", "litellm_params": {"guardrail": "presidio"}},
        ]
    }
    catalogue = await known(v2__guardrails__list=listed)
    assert catalogue.guardrail("g", "1").name == "n"
    assert (
        catalogue.guardrail("arn:aws:bedrock:us-east-1:123456789012:guardrail/g", "1").name == "n"
    )
    assert catalogue.guardrail("g", "2") is None and catalogue.guardrail("h", "1") is None


async def test_what_was_known_stays_known_when_litellm_does_not_answer():
    litellm = LiteLLM(model__info=models(a="bedrock"))
    catalogue = Catalogue(litellm, "sk-service")
    await catalogue.ask()
    litellm.answers["/model/info"] = None
    await catalogue.ask()
    assert catalogue.route("a").bedrock_only
    await catalogue.close()


async def test_without_a_key_nothing_is_asked_and_nothing_is_known():
    litellm = LiteLLM(model__info=models(a="bedrock"))
    catalogue = Catalogue(litellm, "")
    catalogue.start()
    assert not catalogue.route("a").bedrock_only and litellm.asked == []
