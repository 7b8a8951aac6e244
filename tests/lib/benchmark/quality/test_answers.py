import pytest

from gateway_lib.benchmark.quality.answers import answers_page, answers_text, known_of, side_by_side
from gateway_lib.benchmark.quality.scorers import Reference
from gateway_lib.benchmark.records.story import attrs
from gateway_lib.errors import RecordsUnusable
from tests.lib.benchmark.tables import MODELS, story, table

KNOWN = {"q00": Reference("Capital of <Portugal>?", "Lisbon")}


def test_every_model_beside_the_others():
    frame = table(360, failing=0.1, questions=20)
    asked = side_by_side(frame, KNOWN)
    assert [each.id for each in asked] == [f"q{number:02}" for number in range(20)]
    assert asked[0].text == "Capital of <Portugal>?" and asked[1].text == "q01"
    for each in asked:
        assert list(each.answers) == sorted(MODELS)
        for answers in each.answers.values():
            assert sum(answer.times for answer in answers) == 6
            assert [a.times for a in answers] == sorted((a.times for a in answers), reverse=True)
    kinds = {
        answer.text: answer.kind
        for each in asked
        for answers in each.answers.values()
        for answer in answers
    }
    assert kinds == {"Lisbon it is": "right", "Porto it is": "wrong", "HTTP 503: busy": "error"}
    page = answers_page(frame, KNOWN)
    assert "Capital of &lt;Portugal&gt;?" in page and "<Portugal>" not in page
    assert page.count("<section") == 20 and "right: Lisbon" in page
    text = answers_text(frame, KNOWN, most=1)
    assert text.count("=" * 72) == 1 and "small: right" in text


def test_an_answer_cannot_break_out_of_the_page():
    frame = table(30)
    frame["answer"] = "<script>alert(1)</script>"
    page = answers_page(frame, {})
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_many_questions_are_cut_and_it_says_so():
    page = answers_page(table(90, questions=30), {}, most=10)
    assert page.count("<section") == 10
    assert "The first 10 of 30 questions" in page


def test_answers_that_were_not_kept():
    with pytest.raises(RecordsUnusable, match="keep_answers"):
        answers_page(table(30, answers=False), {})


def test_what_was_asked_is_known_from_the_story():
    frame = table(30)
    told = story(frame, 1, 30.0)
    spec = {
        "models": ["small"],
        "prompts": {"questions": "general", "n": 5},
        "load": [{"kind": "poisson", "rate_rps": 5, "requests": 5}],
        "seed": 1,
    }
    frame.attrs = attrs(told.model_copy(update={"spec": spec}))
    known = known_of(frame)
    assert len(known) == 5 and all(reference.answer for reference in known.values())
    frame.attrs = attrs(told.model_copy(update={"spec": {"models": ["small"]}}))
    assert known_of(frame) == {}, "a spec that cannot be read names no questions"
