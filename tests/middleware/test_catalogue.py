from __future__ import annotations

import pytest

from middleware.catalogue import Catalogue


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


def deployed(*pairs):
    """Deployments by name and what each points to."""
    return {
        "data": [
            {
                "model_name": name,
                "litellm_params": params if isinstance(params, dict) else {"model": params},
            }
            for name, params in pairs
        ]
    }


HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghij12"


@pytest.mark.parametrize(
    ("points_to", "model_id"),
    [
        (f"bedrock/us.{HAIKU}", f"us.{HAIKU}"),
        (f"bedrock/converse/us.{HAIKU}", f"us.{HAIKU}"),
        (f"bedrock/invoke/us.{HAIKU}", f"us.{HAIKU}"),
        (f"bedrock/us-east-1/{HAIKU}", HAIKU),
        (
            f"bedrock/us.{HAIKU}",
            f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}",
        ),
        (f"bedrock/{HAIKU}", f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{HAIKU}"),
        (
            f"bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}",
            f"us.{HAIKU}",
        ),
        (f"bedrock/converse/{PROFILE}", PROFILE),
        ({"model": f"bedrock/us.{HAIKU}", "model_id": PROFILE}, PROFILE),
        ({"model": f"bedrock/us.{HAIKU}", "model_id": PROFILE}, f"us.{HAIKU}"),
        # with another geography, with one where none is configured, without one where one is
        (f"bedrock/us.{HAIKU}", f"eu.{HAIKU}"),
        (f"bedrock/{HAIKU}", f"global.{HAIKU}"),
        (f"bedrock/us-gov.{HAIKU}", HAIKU),
        (
            f"bedrock/us.{HAIKU}",
            f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.{HAIKU}",
        ),
    ],
)
async def test_a_model_is_found_by_the_id_that_bedrock_has_for_it(points_to, model_id):
    catalogue = await known(model__info=deployed(("fast", points_to), ("slow", "openai/gpt-4o")))
    assert catalogue.route(model_id).model == "fast" and not catalogue.lacks(model_id)


async def test_a_name_of_the_gateways_own_comes_first():
    pairs = [(f"us.{HAIKU}", "openai/gpt-4o"), ("fast", f"bedrock/us.{HAIKU}")]
    catalogue = await known(model__info=deployed(*pairs))
    assert catalogue.route(f"us.{HAIKU}").model == f"us.{HAIKU}"
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}"
    assert catalogue.route(arn).model == f"us.{HAIKU}"


async def test_a_name_is_found_with_another_geography_whoever_serves_it():
    catalogue = await known(model__info=deployed((f"us.{HAIKU}", "anthropic/claude-haiku-4-5")))
    for model_id in (HAIKU, f"apac.{HAIKU}", f"us-gov.{HAIKU}"):
        assert catalogue.route(model_id).model == f"us.{HAIKU}"


async def test_a_deployment_of_the_id_itself_is_preferred_to_one_of_another_geography():
    pairs = [("american", f"bedrock/us.{HAIKU}"), ("european", f"bedrock/eu.{HAIKU}")]
    catalogue = await known(model__info=deployed(*pairs))
    assert catalogue.route(f"eu.{HAIKU}").model == "european"


@pytest.mark.parametrize("model_id", [HAIKU, f"jp.{HAIKU}"])
async def test_an_id_that_could_mean_two_models_means_none(model_id):
    pairs = [("american", f"bedrock/us.{HAIKU}"), ("european", f"bedrock/eu.{HAIKU}")]
    catalogue = await known(model__info=deployed(*pairs))
    assert catalogue.route(model_id).model == model_id and catalogue.lacks(model_id)
    twice = [("fast", f"bedrock/us.{HAIKU}"), ("cheap", f"bedrock/us.{HAIKU}")]
    catalogue = await known(model__info=deployed(*twice))
    assert catalogue.lacks(f"us.{HAIKU}")


async def test_deployments_under_one_name_are_one_model():
    pairs = [("fast", f"bedrock/us.{HAIKU}"), ("fast", f"bedrock/eu.{HAIKU}")]
    catalogue = await known(model__info=deployed(*pairs))
    for model_id in (HAIKU, f"us.{HAIKU}", f"eu.{HAIKU}", f"jp.{HAIKU}"):
        assert catalogue.route(model_id).model == "fast"


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-4o",  # the id of another provider
        "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/abcdefghij12",
        f"usa.{HAIKU}",
        "",
        "arn:",
        "*",
    ],
)
async def test_what_is_no_id_of_a_deployment_is_not_found(model_id):
    pairs = [("fast", "openai/gpt-4o"), ("ours", f"bedrock/{PROFILE}"), ("bedrock/*", "bedrock/*")]
    catalogue = await known(model__info=deployed(*pairs, ("haiku", f"bedrock/{HAIKU}")))
    assert catalogue.route(model_id).model == model_id
