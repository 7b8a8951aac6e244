import json

import pandas as pd
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from gateway_lib.benchmark.quality.judge import read_verdict
from gateway_lib.benchmark.quality.scorers import (
    Contains,
    Exact,
    JsonSchema,
    Judge,
    Numeric,
    Own,
    Reference,
    Regex,
    Verdict,
    numbers,
)
from gateway_lib.benchmark.quality.scoring import references, score, scorers_of
from gateway_lib.errors import SettingsError
from gateway_lib.simulator.questions import Question

LISBON = Reference("Capital of Portugal?", "Lisbon", ("Lisboa",))
SUM = Reference("17 plus 28?", "45")


@pytest.mark.parametrize(
    ("scorer", "answer", "reference", "passed"),
    [
        (Exact(), " lisbon\n", LISBON, True),
        (Exact(), "It is Lisbon.", LISBON, False),
        (Exact(ignore_case=False), "lisbon", LISBON, False),
        (Exact(expected="B"), "b", SUM, True),
        (Exact(), "anything", Reference("?"), None),
        (Contains(), "It is LISBOA, of course.", LISBON, True),
        (Contains(), "Lisbonne", LISBON, False),
        (Contains(expected="two words"), "here are two  words.", LISBON, True),
        (Contains(), "forty-five", Reference("?", "45", (), r"forty.?five"), True),
        (Contains(), "anything", Reference("?"), None),
        (Regex(pattern=r"^[A-D]\b"), "B, because", LISBON, True),
        (Regex(pattern=r"^[A-D]\b"), "Because", LISBON, False),
        (Regex(pattern="lisbon", ignore_case=True), "LISBON", LISBON, True),
        (Numeric(), "17 plus 28 is 45.", SUM, True),
        (Numeric(), "45, as 17 + 28 = 45 and not 46", SUM, False),
        (Numeric(which="first"), "45, not 46", SUM, True),
        (Numeric(which="any"), "46 or 45", SUM, True),
        (Numeric(relative=0.01), "44.6", SUM, True),
        (Numeric(relative=0.01), "44.5", SUM, False),
        (Numeric(absolute=0.5), "44.5", SUM, True),
        (Numeric(expected=1234.5), "$1,234.50", SUM, True),
        (Numeric(expected=0.3, relative=0), "0.30000000000000004", SUM, True),
        (Numeric(), "no idea", SUM, False),
        (Numeric(), "45", LISBON, None),
        (Numeric(expected=-3), "\u22123 degrees", SUM, True),
    ],
)
def test_rules(scorer, answer, reference, passed):
    assert scorer.score(answer, reference).passed is passed


def test_numbers_of_a_text():
    text = "gpt-4o says 1,234,567.5 or -3e-2; .5 of 10-20, 45km, 1,2 and v1.2.3"
    assert numbers(text) == [1234567.5, -0.03, 0.5, 10, 20, 45, 1, 2]


def test_json_and_its_schema():
    schema = {
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}},
        "additionalProperties": False,
    }
    scorer = JsonSchema(schema=schema)
    assert scorer.score('{"city": "Lisbon"}', LISBON).passed
    assert scorer.score('```json\n{"city": "Lisbon"}\n```', LISBON).passed
    wrong = scorer.score('{"city": 3}', LISBON)
    assert (wrong.passed, wrong.reason) == (False, "$.city: 3 is not of type 'string'")
    assert scorer.score("Here: {}", LISBON).reason.startswith("not JSON: ")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ([{"kind": "regex", "pattern": "("}], "not a regular expression"),
        ([{"kind": "json_schema", "schema": {"type": "no"}}], "not a JSON schema"),
        ([{"kind": "magic"}], "scorers: 0: Input tag 'magic'"),
        ([{"kind": "numeric", "relative": -1}], "0.numeric.relative"),
        ([{"kind": "exact", "expectd": "x"}], "0.exact.expectd: Extra inputs"),
        ([{"kind": "exact"}, {"kind": "exact"}], "exact occurs twice"),
    ],
)
def test_a_scorer_that_cannot_be_used_is_named(spec, complaint):
    with pytest.raises(SettingsError, match=complaint.replace("(", "\\(")):
        scorers_of(spec)


def test_scorers_from_data():
    made = scorers_of([{"kind": "numeric", "relative": 0.1, "label": "close"}, {"kind": "exact"}])
    assert [scorer.name for scorer in made] == ["close", "exact"]
    assert scorers_of([]) == [Contains()]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('{"reason": "yes", "passed": true}', True),
        ('Sure!\n```json\n{"passed": false, "reason": "no"}\n```', False),
        ('{"passed": true} is what the answer said; mine: {"passed": false}', False),
        ('{"passed": "true"}', None),
        ("It is right.", None),
        ("", None),
    ],
)
def test_reading_a_verdict(text, passed):
    assert read_verdict(text).passed is passed


class Bench:
    """A judge with known habits, on a real socket."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        task = body["messages"][-1]["content"]
        if "Rome" in task:
            return web.json_response({"error": {"message": "busy"}}, status=429)
        said = (
            "hm" if "silence" in task else json.dumps({"passed": "Lisbon" in task.split(">>")[1]})
        )
        message = {"role": "assistant", "content": said}
        answer = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        return web.json_response(answer, headers={"x-litellm-response-cost": "0.001"})


@pytest.fixture
async def bench():
    there, app = Bench(), web.Application()
    app.router.add_post("/v1/chat/completions", there.complete)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    async with AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as client:
        there.client = client
        yield there
    await runner.cleanup()


ASKED = [
    Question(id="q1", category="a", question="Capital of Portugal?", answer="Lisbon", wrong=("x",))
]
FRAME = pd.DataFrame(
    {
        "question": pd.Categorical(["q1"] * 6),
        "answer": ["It is Lisbon", "Porto", "It is Lisbon", None, "silence", "Rome"],
        "ok": [True, True, True, False, True, True],
    },
    index=[10, 11, 12, 13, 14, 15],
)


async def test_every_distinct_answer_is_judged_once_and_paid_once(bench):
    judge = Judge(model="judge", rubric="Names the capital.")
    scored = await score(FRAME, [Contains(), judge], references(ASKED), client=bench.client)
    right = scored["correct"].tolist()
    assert right == [True, False, True, pd.NA, False, False]
    assert scored["score_judge"].tolist() == [True, False, True, pd.NA, pd.NA, pd.NA]
    assert len(bench.asked) == 4
    assert scored["score_judge_cost_usd"].sum() == pytest.approx(0.003)
    assert "score_contains_cost_usd" not in scored
    reasons = scored["score_judge_reason"]
    assert reasons[14].startswith("the judge gave no verdict: 'hm'")
    assert reasons[15].startswith("the judge failed: RateLimitError")
    assert "correct" not in FRAME, "the records themselves stay as they were"
    [asked] = [b for b in bench.asked if "Porto" in b["messages"][1]["content"]]
    assert asked["model"] == "judge" and asked["cache"] == {"no-cache": True}
    task = asked["messages"][1]["content"]
    assert "A right answer: Lisbon\nWhat counts: Names the capital.\n" in task
    mark = task.split("<<")[1].split(">>")[0]
    assert mark in asked["messages"][0]["content"], "the judge knows where the answer ends"


async def test_a_function_of_ones_own_and_its_mistakes():
    def shouting(answer, reference):
        if answer == "silence":
            raise KeyError("voice")
        return Verdict(answer.isupper(), "case") if answer == "Porto" else answer.startswith("It")

    scored = await score(FRAME, [Own("own", shouting)], references(ASKED))
    assert scored["score_own"].tolist() == [True, False, True, pd.NA, pd.NA, False]
    assert scored["score_own_reason"][11] == "case"
    assert scored["score_own_reason"][14] == "the scorer failed: KeyError: 'voice'"
    with pytest.raises(SettingsError, match="at least one scorer"):
        await score(FRAME, [], {})


async def test_nothing_to_score_is_scored_as_nothing():
    nothing = FRAME[~FRAME["ok"]]
    scored = await score(nothing, [Contains()], references(ASKED))
    assert scored["correct"].isna().all() and len(scored) == 1
