from collections import Counter

import pandas as pd
import pytest

from gateway_lib.benchmark import (
    cost_alt,
    cost_and_accuracy,
    headline,
    latency_alt,
    latency_distribution,
    measure,
    questions,
    summarise,
    table,
)
from gateway_lib.errors import GatewayUnreachable, SettingsError
from gateway_lib.simulator.questions import Question

ASKED = [
    Question(
        id="right", category="a", question="Capital of Portugal?", answer="Lisbon", wrong=("x",)
    ),
    Question(id="wrong", category="b", question="Capital of Italy?", answer="Rome", wrong=("x",)),
]


async def test_one_row_per_request_errors_included(client, provider):
    models = ["steady", "unpriced", "throttled"]
    frame = await measure(models, ASKED, repeats=3, concurrency=2, seed=5, client=client)
    assert list(frame["request"]) == list(range(18))
    assert Counter(zip(frame["model"], frame["question"], strict=True)) == {
        (model, question.id): 3 for model in models for question in ASKED
    }
    assert provider.most_under_way == 2
    # three warm-up calls went before and are not in the table
    assert [body["model"] for body in provider.asked[:3]] == models
    assert len(provider.asked) == 21

    failed = frame[frame["model"] == "throttled"]
    assert not failed["ok"].any()
    assert set(failed["status"]) == {429}
    assert failed["correct"].isna().all()
    good = frame[frame["ok"]]
    assert list(good["correct"]) == list(good["question"] == "right")

    summary = summarise(frame)
    assert list(summary.index) == sorted(models)
    steady = summary.loc["steady"]
    assert (steady["requests"], steady["errors"], steady["accuracy"]) == (6, 0, 0.5)
    assert steady["ttft_p50_ms_low"] <= steady["ttft_p50_ms"] <= steady["ttft_p50_ms_high"]
    assert steady["cost_per_1k_usd"] == pytest.approx(2.0)
    assert steady["cost_source"] == "stream usage"
    assert pd.isna(summary.loc["unpriced", "cost_source"])

    shown = table(summary)
    assert "[" in shown.loc["steady", "TTFT p50, ms"]
    assert shown.loc["steady", "TTFT p95, ms"].endswith("(n too small)")
    assert shown.loc["unpriced", "cost per 1000, $"] == "not reported"
    assert shown.loc["throttled", "accuracy, %"] == "no data"
    assert headline(frame) == {
        "requests": 18,
        "errors": 6,
        "ttft_p50_ms": good["ttft_ms"].median(),
        "total_p50_ms": good["total_ms"].median(),
        "accuracy_pct": 50.0,
        "cost_usd": pytest.approx(0.012),
    }

    # figures are drawn, and described, with models that have nothing to show
    for figure in (latency_distribution(frame, summary), cost_and_accuracy(summary)):
        figure.canvas.draw()
    texts = [text.get_text() for text in figure.texts]
    assert any("throttled, unpriced" in text for text in texts)
    assert "steady $2.0000 and 50%" in cost_alt(summary)
    assert "steady" in latency_alt(summary)


async def test_the_order_is_mixed_and_follows_from_the_seed(client, provider):
    orders = []
    for seed in (1, 1, 2):
        frame = await measure(
            ["a", "b"], ASKED, repeats=4, concurrency=1, warmups=0, seed=seed, client=client
        )
        orders.append(list(zip(frame["model"], frame["question"], strict=True)))
    assert orders[0] == orders[1] != orders[2]
    assert list(frame["model"]) != sorted(frame["model"])
    assert frame["sent_s"].is_monotonic_increasing


async def test_a_measurement_without_any_success_is_an_error(client):
    with pytest.raises(GatewayUnreachable, match="every request failed, the first with RateLimit"):
        await measure(["throttled"], ASKED, client=client)


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"repeats": 0}, {"max_tokens": 0}, {"warmups": -1}]
)
async def test_numbers_that_cannot_be_are_refused_before_any_call(client, provider, wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        await measure(["steady"], ASKED, client=client, **wrong)
    with pytest.raises(SettingsError, match="at least one model"):
        await measure([], ASKED, client=client)
    assert not provider.asked


def test_questions_are_drawn_by_seed():
    every = questions("general")
    assert len({question.id for question in every}) == len(every) >= 40
    drawn = [question.id for question in questions("general", n=10, seed=3)]
    assert drawn == [question.id for question in questions("general", n=10, seed=3)]
    assert drawn != [question.id for question in questions("general", n=10, seed=4)]
    assert len(set(drawn)) == 10
    with pytest.raises(SettingsError, match="asked for 1000"):
        questions("general", n=1000)
    with pytest.raises(SettingsError, match="nothing"):
        questions("nothing")
