"""The profiles are the truth: measured figures agree with them."""

import json
import math
import statistics
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random

import httpx
import pytest
import yaml

from gateway_lib.simulator.answers import Answerer
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.openai_requests import ChatBody, chat_request
from gateway_lib.simulator.profiles import Accuracy, Distribution
from gateway_lib.simulator.prose import extend
from gateway_lib.simulator.questions import load_questions
from gateway_lib.simulator.settings import DEFAULT_CONFIG, load_settings
from gateway_lib.simulator.tokens import count, tokenize

GOOD = '{"id":"a","category":"c","question":"What is it?","answer":"b","wrong":["c"]}\n'
ARMS = ("simulated-baseline", "simulated-candidate")
IDS = [
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5.4-mini",
    "text-embedding-3-small",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
    "amazon.nova-pro-v1:0",
    "amazon.titan-embed-text-v2:0",
]


@pytest.fixture(scope="module")
def settings():
    return load_settings(DEFAULT_CONFIG)


@pytest.fixture(scope="module")
def questions(settings):
    return load_questions(*(DEFAULT_CONFIG.parent / name for name in settings.questions))


@pytest.fixture
def engine(settings, questions):
    return Engine(settings, questions)


def test_prices_are_litellms(settings):
    table = Path(find_spec("litellm").origin).with_name(
        "model_prices_and_context_window_backup.json"
    )
    prices = json.loads(table.read_text(encoding="utf-8"))
    assert list(settings.models) == [*IDS, *ARMS]
    for model in IDS:
        profile = settings.models[model]
        if model == "anthropic.claude-3-haiku-20240307-v1:0":
            expected = (0.25, 1.25)
        else:
            entry = prices[model]
            expected = tuple(entry[f"{side}_cost_per_token"] * 1e6 for side in ("input", "output"))
            assert profile.context_window == entry["max_input_tokens"]
            if profile.kind == "chat":
                assert profile.max_output == entry["max_output_tokens"]
            else:
                assert max(profile.dimensions) == entry["output_vector_size"]
        assert (profile.price.input, profile.price.output) == pytest.approx(expected), model


def test_the_arms_differ_as_they_are_said_to(settings):
    """What `config/experiments/cheaper-model.yaml` is to find out."""
    baseline, candidate = (settings.models[arm] for arm in ARMS)
    for timing in ("ttft_ms", "itl_ms"):
        before, after = getattr(baseline, timing), getattr(candidate, timing)
        assert (after.median, after.p95) == pytest.approx((0.85 * before.median, 0.85 * before.p95))
    assert candidate.price.input == pytest.approx(0.8 * baseline.price.input)
    assert candidate.price.output == pytest.approx(0.8 * baseline.price.output)
    assert candidate.accuracy.default == pytest.approx(baseline.accuracy.default - 0.02)
    assert candidate.output_tokens == baseline.output_tokens


def test_profiles_suit_notebooks(settings):
    chat = [settings.models[model] for model in IDS if settings.models[model].kind == "chat"]
    assert all(40 <= p.ttft_ms.median <= 250 and 4 <= p.itl_ms.median <= 15 for p in chat)
    assert len({(p.ttft_ms.median, p.itl_ms.median) for p in chat}) == len(chat)


@pytest.mark.parametrize(
    "values", [{"median": 80, "p95": 200}, {"median": 5, "p95": 5}, {"constant": 7}]
)
def test_distributions_have_their_quantiles(values):
    distribution = Distribution(**values)
    draws = sorted(distribution.draw(Random(i)) for i in range(4000))
    median, p95 = values.get("median", 7), values.get("p95", 7)
    assert draws[2000] == pytest.approx(median, rel=0.07)
    assert draws[3800] == pytest.approx(p95, rel=0.1)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"median": 1},
        {"median": 2, "p95": 1},
        {"constant": 1, "median": 2, "p95": 3},
        {"constant": 1, "mode": 2},
        {"constant": 1, "min": 3, "max": 2},
    ],
)
def test_wrong_distributions_are_refused(values):
    with pytest.raises(ValueError):
        Distribution(**values)


def test_measured_ttft_and_itl_are_near_the_profile(base, settings):
    model, n = "gpt-4o-mini", 12
    firsts, gaps = [], []
    body = {"model": model, "stream": True, "max_tokens": 30}
    with httpx.Client(
        base_url=f"{base}/openai/v1", headers={"authorization": "Bearer k"}, timeout=60
    ) as http:
        for i in range(n):
            body["messages"] = [{"role": "user", "content": f"Tell me about number {i}."}]
            start, seen = time.perf_counter(), []
            with http.stream("POST", "/chat/completions", json=body) as reply:
                seen = [time.perf_counter() for line in reply.iter_lines() if '"content":"' in line]
            firsts.append((seen[0] - start) * 1000)
            gaps.append((seen[-1] - seen[1]) * 1000 / (len(seen) - 2))
    profile = settings.models[model]
    sigma = math.log(profile.ttft_ms.p95 / profile.ttft_ms.median) / 1.645
    spread = math.exp(3 * 1.25 * sigma / math.sqrt(n))
    assert profile.ttft_ms.median / spread < statistics.median(firsts)
    assert statistics.median(firsts) < profile.ttft_ms.median * spread + 60
    assert 0.6 * profile.itl_ms.median < statistics.median(gaps) < 2.5 * profile.itl_ms.median


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.85, 1.0])
def test_questions_are_answered_right_with_the_profiles_probability(
    settings, questions, probability
):
    profile = settings.models["gpt-4o"].model_copy(
        update={"accuracy": Accuracy(default=probability)}
    )
    answerer = Answerer(7, questions)
    right = total = 0
    for question in questions.questions:
        for occurrence in range(100):
            draft = answerer.answer(question, "gpt-4o", profile, occurrence, length=40)
            assert question.accepts(draft.text) == draft.correct
            right += draft.correct
            total += 1
    margin = 4 * math.sqrt(probability * (1 - probability) / total)
    assert abs(right / total - probability) <= margin


def test_overrides_and_determinism(settings, questions):
    profile = settings.models["gpt-4o-mini"]
    question = next(q for q in questions.questions if q.id == "logic-05")
    answerer = Answerer(7, questions)
    drafts = [answerer.answer(question, "m", profile, n) for n in range(400)]
    assert statistics.mean(d.correct for d in drafts) == pytest.approx(0.25, abs=0.1)
    again = Answerer(7, questions)
    assert drafts == [again.answer(question, "m", profile, n) for n in range(400)]
    assert drafts != [Answerer(8, questions).answer(question, "m", profile, n) for n in range(400)]


def test_question_set(questions):
    assert len(questions.questions) >= 40
    for question in questions.questions:
        assert question.accepts(f"I think it is {question.answer}."), question.id
        assert not any(question.accepts(f"The answer is {wrong}.") for wrong in question.wrong), (
            question.id
        )
        prompt = f"Answer briefly, please:\n  {question.question.upper()} Thanks."
        assert questions.recognise(prompt) == question
    for unknown in ("What is 117 plus 28?", "Hello", ""):
        assert questions.recognise(unknown) is None
    filler = extend("", 5000, Random(1))
    assert not any(question.accepts(filler) for question in questions.questions)


def test_known_questions_are_answered_through_the_core(engine, questions):
    entry = engine.journal.receive("openai", "POST", "/", "", [])
    entry.model = "gpt-4o"
    for question in questions.questions:
        body = ChatBody(model="gpt-4o", messages=[{"role": "user", "content": question.question}])
        plan = engine.chat(chat_request(body), entry).plan
        assert plan.draft.question_id == question.id
        assert question.accepts(plan.text) == plan.draft.correct
        assert plan.usage.output == count(plan.text) == len(plan.delays)


def test_two_engines_agree_occurrence_by_occurrence(settings, questions):
    def runs():
        engine = Engine(settings, questions)
        entry = engine.journal.receive("openai", "POST", "/", "", [])
        entry.model = "gpt-4o-mini"
        for text in ("What is 37 times 48?", "Tell me about tea."):
            body = ChatBody(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])
            for _ in range(5):
                plan = engine.chat(chat_request(body), entry).plan
                yield plan.text, plan.delays, plan.stop_reason

    first, second = list(runs()), list(runs())
    assert first == second
    assert len({delays for _, delays, _ in first}) == 10
    assert len({text for text, _, _ in first[5:]}) == 1


@pytest.mark.parametrize(
    "text", ["", " ", "a", "Hello, world!  ", "x" * 100, "é😀\n\n\tb", "1.5 it's"]
)
def test_tokens_join_to_the_text(text):
    tokens = tokenize(text)
    assert "".join(tokens) == text
    assert all(tokens) and len(tokens) == count(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sead": 1}, "sead: Extra inputs"),
        ({"models": {"m": {"wire": "openai"}}}, "models.m.price: Field required"),
        ({"prompts": [{"id": "short"}]}, "prompts.0.id"),
        (
            {"guardrails": [{"id": "g", "version": "1", "masks": [{"name": "n", "pattern": "("}]}]},
            "not a regular",
        ),
        ({"guardrails": [{"id": "g", "version": "1"}] * 2}, "guardrail id occurs twice"),
    ],
)
def test_configuration_mistakes_are_named(tmp_path, change, words):
    path = tmp_path / "simulator.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(DEFAULT_CONFIG.read_text()) | change))
    with pytest.raises(ValueError, match=words):
        load_settings(path)
    with pytest.raises(ValueError, match="No such file"):
        load_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ":1: "),
        ('{"id":"a"}', "category: Field required"),
        (GOOD.replace('"b"', '"b","regex":"("'), "regular"),
    ],
)
def test_question_mistakes_are_named(tmp_path, line, words):
    path = tmp_path / "questions.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ValueError, match=words):
        load_questions(path)
    path.write_text(GOOD * 2)
    with pytest.raises(ValueError, match="occurs twice"):
        load_questions(path)
