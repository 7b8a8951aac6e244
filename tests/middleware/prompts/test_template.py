"""Variables: each goes to its places, once, and nothing else does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.prompts.errors import InvalidVariables
from middleware.prompts.template import Template
from middleware.prompts.variant import Variant


def text_prompt(text: str, *variables: str) -> Template:
    converse = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    return Template.of(Variant("model", converse, frozenset(variables)))


def values(**texts: str) -> dict[str, Any]:
    return {name: {"text": text} for name, text in texts.items()}


def said(template: Template, variables: Any) -> str:
    text: str = template.render(variables).converse["messages"][0]["content"][0]["text"]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{a}}", "1"),
        ("{{ a }}", "1"),
        ("{{\ta\n}}", "1"),
        ("{{a}}{{a}} {{ a}}", "11 1"),
        ("{{{a}}}", "{1}"),
        ("{{{{a}}}}", "{{1}}"),
        ("{{a {{a}} a}}", "{{a 1 a}}"),
        ('{"json": {"x": "{{a}}"}}', '{"json": {"x": "1"}}'),
        ("{{}} {{ }} {a} {{a}", "{{}} {{ }} {a} {{a}"),
        ("{{a.b}} {{a b}} {{-a}} {{a--b}}", "{{a.b}} {{a b}} {{-a}} {{a--b}}"),
    ],
)
def test_where_a_variable_goes(text, expected):
    assert said(text_prompt(text, "a"), values(a="1")) == expected


def test_a_value_is_never_a_template():
    template = text_prompt("{{a}} {{b}} {{c}}")
    result = said(template, values(a="{{b}}", b="{{ a }}{{c}}", c=r"\1 \g<0> {{c}}"))
    assert result == r"{{b}} {{ a }}{{c}} \1 \g<0> {{c}}"


def test_values_do_not_grow_together():
    """Two halves of a place, from two values or from a value and the template."""
    assert said(text_prompt("{{a}}{{b}}"), values(a="{{a", b="}}")) == "{{a}}"
    assert said(text_prompt("{{{a}}b}}"), values(a="{")) == "{{b}}"


_NAME = st.lists(
    st.tuples(st.sampled_from("abcXYZ019"), st.sampled_from(["", "_", "-"])), min_size=1, max_size=5
).map(lambda parts: "".join(letter + separator for letter, separator in parts))
_LITERAL = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=8)
_PIECES = st.lists(st.tuples(_LITERAL, _NAME, st.sampled_from(["", " ", "  ", "\n"])), max_size=6)


@st.composite
def prompts(draw: st.DrawFn) -> tuple[list[list[tuple[str, str, str]]], dict[str, str]]:
    """The texts of a prompt in pieces, and values that look like places of the prompt."""
    texts = draw(st.lists(_PIECES, min_size=2, max_size=4))
    names = sorted({name for pieces in texts for _, name, _ in pieces})
    places = st.sampled_from([f"{{{{{name}}}}}" for name in names] or ["{{x}}"])
    value = st.lists(st.one_of(places, st.text(max_size=5), st.sampled_from(["{{", "}}"])))
    return texts, {name: "".join(draw(value)) for name in names}


def written(pieces: list[tuple[str, str, str]], values: dict[str, str] | None) -> str:
    return "".join(
        literal + (f"{{{{{space}{name}{space}}}}}" if values is None else values[name])
        for literal, name, space in pieces
    )


@given(prompts())
def test_substitution_happens_exactly_once(prompt):
    texts, given_values = prompt

    def converse(filled: dict[str, str] | None) -> dict[str, Any]:
        system, *turns = ({"text": written(pieces, filled)} for pieces in texts)
        messages = [{"role": "user", "content": [block]} for block in turns]
        return {"system": [system, {"cachePoint": {"type": "default"}}], "messages": messages}

    template = Template.of(Variant("model", converse(None), frozenset()))
    assert template.needed == given_values.keys()
    assert template.render(values(**given_values)).converse == converse(given_values)


def test_what_is_declared_and_what_is_used_is_needed():
    template = text_prompt("{{used}}", "declared")
    assert said(template, values(used="1", declared="2")) == "1"
    with pytest.raises(InvalidVariables, match="not given: 'declared', 'used'") as caught:
        template.render(None)
    assert caught.value.status == 400
    with pytest.raises(InvalidVariables, match="not given: 'declared'"):
        template.render(values(used="1"))
    with pytest.raises(InvalidVariables, match="no variables of these names: 'other'"):
        template.render(values(used="1", declared="2", other="3"))
    with pytest.raises(InvalidVariables, match=r"'used'\. .* names: 'usde'"):
        template.render(values(usde="1", declared="2"))
    with pytest.raises(InvalidVariables, match="names: 'a'"):
        text_prompt("fixed").render(values(a="1"))
    assert said(text_prompt("fixed"), {}) == said(text_prompt("fixed"), None) == "fixed"


def test_a_message_about_many_names_stays_short():
    many = values(**{f"n{number}" + "x" * 1000: "" for number in range(1000)})
    with pytest.raises(InvalidVariables) as caught:
        text_prompt("fixed").render(many)
    assert len(caught.value.message) < 3000 and "980 more" in caught.value.message


@pytest.mark.parametrize(
    "value", ["1", 1, None, [], {}, {"text": 1}, {"text": None}, {"text": "1", "x": 1}, {"json": 1}]
)
def test_a_value_is_a_text(value):
    with pytest.raises(InvalidVariables, match="'a'"):
        text_prompt("{{a}}").render({"a": value})


@pytest.mark.parametrize("variables", [[], "a", 1, True])
def test_variables_are_an_object(variables):
    with pytest.raises(InvalidVariables, match="an object"):
        text_prompt("fixed").render(variables)


def test_a_rendering_is_its_own():
    template = text_prompt("{{a}}")
    first = template.render(values(a="1"))
    first.converse["messages"][0]["content"].clear()
    assert said(template, values(a="2")) == "2"


def test_a_long_text_takes_no_long_time():
    """Texts that regular expressions are known to be slow on."""
    for text in ("{" * 50_000, "{{" + " " * 50_000, "{{a" * 20_000, "{{" + "a-" * 20_000 + "}"):
        assert said(text_prompt(text, "b"), values(b="1")) == text
    assert re.fullmatch("1*", said(text_prompt("{{b}}" * 10_000), values(b="1")))
