"""How much a call may cost at most: never less than any provider would say."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.budgets import estimate, money
from middleware.budgets.errors import CostUnknown, InvalidBudget
from middleware.budgets.offers import Offers
from middleware.budgets.period import Length
from middleware.budgets.price import Price
from middleware.budgets.usage import IMAGE, OVERHEAD, read
from middleware.budgets.wish import Wanted, wanted
from middleware.model_ids import ModelIds

PNG = "data:image/png;base64," + base64.b64encode(bytes(3000)).decode()
CHAT = {
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 4e-6,
    "max_input_tokens": 100_000,
    "max_output_tokens": 1000,
}


def body(content, **fields):
    return {"messages": [{"role": "user", "content": content}], **fields}


def bound(info, given) -> float:
    return money.dollars(Price.of(info).bound("m", estimate.chat(given)))


@given(st.text(max_size=2000))
def test_text_has_at_most_as_many_tokens_as_bytes(text):
    assert read(body(text)).tokens >= len(text.encode()) + OVERHEAD


@given(
    st.recursive(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_whatever_is_no_media_counts_with_every_byte_of_its_texts(value):
    texts = []

    def walk(each):
        if isinstance(each, str):
            texts.append(each)
        for inner in (
            each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        ):
            walk(inner)

    walk(value)
    marked = {"kind": "image", "value": value}  # has to be looked into
    assert read(marked).is_opaque or read(marked).tokens >= sum(
        len(each.encode()) for each in texts
    )


def test_an_image_counts_as_the_largest_there_is_and_not_by_its_bytes():
    found = read(body([{"type": "image_url", "image_url": {"url": PNG}}]))
    assert found.images == 1 and found.text < 200 and found.tokens > IMAGE
    native = read(
        {"messages": [{"content": [{"image": {"format": "png", "source": {"bytes": "A" * 9000}}}]}]}
    )
    assert native.images == 1 and native.text < 200
    anthropic = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9000},
    }
    assert read(body([anthropic])).images == 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.pdf"}},
        {"type": "image_url", "image_url": "data:application/pdf;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "A"},
        },
        {"type": "image", "source": {"type": "url", "url": "https://example.com"}},
        {"document": {"format": "pdf", "source": {"bytes": "AAAA"}}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        {"fileData": {"fileUri": "gs://bucket/object"}},
    ],
)
def test_what_may_be_of_any_size_is_bounded_by_the_model_alone(part):
    given = body([part], max_tokens=16)
    assert bound(CHAT, given) == pytest.approx(0.1 + 16 * 4e-6)
    with pytest.raises(CostUnknown, match="any size"):
        bound({**CHAT, "max_input_tokens": None}, given)


def test_more_than_the_model_reads_is_not_read():
    assert bound(CHAT, body("x" * 10**6, max_tokens=16)) == pytest.approx(0.1 + 16 * 4e-6)


def test_the_highest_price_that_may_apply_is_taken():
    dear = {
        **CHAT,
        "input_cost_per_token_priority": 2e-6,
        "cache_creation_input_token_cost_above_1hr": 3e-6,
        "input_cost_per_token_above_200k_tokens": 9e-6,
        "output_cost_per_reasoning_token": 5e-6,
        "input_cost_per_audio_token": 7e-6,
        "input_cost_per_token_batches": 8e-6,
        "max_input_tokens": 10**6,
    }
    read_tokens = estimate.chat(body("hello", max_tokens=100)).input_tokens
    assert bound(dear, body("hello", max_tokens=100)) == pytest.approx(
        read_tokens * 3e-6 + 100 * 5e-6
    )
    long = body("x" * 250_000, max_tokens=100)
    assert bound(dear, long) == pytest.approx(estimate.chat(long).input_tokens * 9e-6 + 100 * 5e-6)
    twice = {**dear, "regional_processing_uplift_multiplier_eu": 1.1}
    assert bound(twice, long) == pytest.approx(bound(dear, long) * 1.1)


def test_of_several_deployments_the_dearest_counts_and_all_need_a_price():
    prices = [
        Price.of(CHAT),
        Price.of({**CHAT, "input_cost_per_token": 5e-6, "max_output_tokens": 5000}),
    ]
    both = Price.highest(prices)
    assert both.costs["input_cost_per_token"] == 5e-6 and both.max_output == 5000 and both.known
    assert not Price.highest([*prices, Price.of({})]).known and not Price.highest([]).known


def test_every_choice_and_every_prompt_is_written():
    one = estimate.chat({"prompt": "a", "max_tokens": 100})
    many = estimate.chat({"prompt": ["a"] * 7, "max_tokens": 100, "n": 3, "best_of": 5})
    assert one.answers == 1 and many.answers == 35 and many.inputs == 7


def test_many_texts_may_be_longer_than_the_model_reads_at_once():
    price = Price.of({"input_cost_per_token": 1e-6, "max_input_tokens": 100})
    usage = estimate.embedding({"input": ["x" * 90] * 50})
    assert money.dollars(price.bound("m", usage)) > 50 * 90e-6


@pytest.mark.parametrize(
    "dollars", [1e-12, 1e-9, 4.6349999999999995e-05, 0.1 + 0.2, 1e9, 1e300, float("inf")]
)
def test_money_is_never_rounded_down(dollars):
    assert money.nano(dollars) >= min(dollars, 1e9) * 1e9 - 0.01
    assert money.nano(4.6349999999999995e-05) == 46350


@pytest.mark.parametrize(
    ("text", "days"),
    [("30s", 30 / 86_400), ("30m", 1 / 48), ("30h", 1.25), ("30d", 30), ("2w", 14), ("weekly", 7)],
)
def test_periods_follow_each_other(text, days):
    anchor = datetime(2026, 1, 31, 12, tzinfo=UTC)
    length = Length.parse(text)
    first = length.period(anchor, anchor)
    assert first.start == anchor and first.end - first.start == timedelta(days=days)
    later = length.period(anchor, first.end)
    assert later.start == first.end
    assert length.period(anchor, first.end - timedelta(microseconds=1)) == first


def test_months_end_where_the_calendar_says():
    anchor = datetime(2026, 1, 31, 12, tzinfo=UTC)
    month = Length.parse("1mo")
    assert month.period(anchor, datetime(2026, 2, 15, tzinfo=UTC)).end == datetime(
        2026, 2, 28, 12, tzinfo=UTC
    )
    assert month.period(anchor, datetime(2026, 3, 31, 11, tzinfo=UTC)).start == datetime(
        2026, 2, 28, 12, tzinfo=UTC
    )
    assert month.period(anchor, datetime(2026, 3, 31, 12, tzinfo=UTC)).end == datetime(
        2026, 4, 30, 12, tzinfo=UTC
    )


@given(st.integers(1, 400), st.sampled_from("smhdw") | st.just("mo"), st.integers(0, 10**8))
def test_every_moment_is_in_exactly_one_period(count, unit, seconds):
    anchor = datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC)
    moment, length = anchor + timedelta(seconds=seconds), Length.parse(f"{count}{unit}")
    period = length.period(anchor, moment)
    assert period.start <= moment < period.end
    assert (
        length.period(anchor, period.start) == period
        and length.period(anchor, period.end).start == period.end
    )


def test_both_forms_of_the_field():
    given = {"a": 100, "b": {"budget_limit": 2.5, "time_period": "1mo"}, "c": {"max_budget": 1}}
    assert wanted(given, "28d") == {
        "a": Wanted(100 * 10**9, "28d"),
        "b": Wanted(25 * 10**8, "1mo"),
        "c": Wanted(10**9, "28d"),
    }
    with pytest.raises(InvalidBudget):
        wanted({"a": {"budget_limit": 1, "rpm_limit": 4}}, "28d")


def test_a_name_means_every_model_that_litellm_may_take_it_for():
    models = {
        "data": [
            {
                "model_name": "big",
                "litellm_params": {"model": "openai/gpt"},
                "model_info": {"id": "id-1", **CHAT},
            },
            {
                "model_name": "small",
                "litellm_params": {"model": "openai/gpt"},
                "model_info": {"id": "id-2"},
            },
            {
                "model_name": "nova",
                "litellm_params": {"model": "bedrock/us.amazon.nova-v1:0"},
                "model_info": CHAT,
            },
        ]
    }
    offers = Offers.of(models, {"nick": "big"}, {"small": {"small", "big"}}, ModelIds.of(models))
    assert offers.groups("openai/gpt") == {"big", "small"}
    assert offers.groups("id-1") == offers.groups("Nick") == offers.groups(" BIG ") == {"big"}
    assert offers.groups("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-v1:0") == {"nova"}
    assert offers.groups("vertex_ai/big") == {"big"} and offers.groups("Unknown") == {"unknown"}
    assert (
        offers.price("nova").known
        and not offers.price("small").known
        and not offers.price("x").known
    )


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "mcp"},
        {"type": "code_interpreter"},
        "text",
        {"googleSearch": {}},
    ],
)
def test_tools_of_the_providers_are_refused(tool):
    given = body("x", tools=[tool])
    with pytest.raises(CostUnknown):
        estimate.check(given)
    estimate.check(
        body(
            "x",
            tools=[
                {"type": "function", "function": {"name": "f"}},
                {"name": "g", "input_schema": {}},
            ],
        )
    )


def test_what_was_encoded_is_what_is_counted():
    given = body("short")
    given["messages"] = orjson.Fragment(orjson.dumps([{"role": "user", "content": "y" * 5000}]))
    assert estimate.chat(given, orjson.dumps(given)).input_tokens > 5000
