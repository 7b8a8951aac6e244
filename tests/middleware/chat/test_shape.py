"""Whatever a conversation holds, every provider is shown it in a form of its own, or the call is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from middleware.catalogue import Route
from middleware.chat.shape import ATTACHED, UnsupportedContent, for_provider, is_plain

from .drawn import Message, conversations, encoded


def route(*providers: str) -> Route:
    return Route("m", frozenset(providers))


BEDROCK, OPENAI, ANTHROPIC = route("bedrock"), route("openai"), route("anthropic")
ROUTES = [
    *(BEDROCK, OPENAI, ANTHROPIC, route(), route("bedrock", "openai"), route("gemini")),
    *(route("deepseek"), route("groq", "azure")),
]
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
PDF = {
    "type": "file",
    "file": {"filename": "d.pdf", "file_data": "data:application/pdf;base64,aGk="},
}
VIDEO = {"type": "image_url", "image_url": {"url": "data:video/mp4;base64,aGk="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}


def document(kind: str, data: str, filename: str = "d.md", **more: Any) -> Message:
    return {
        "type": "file",
        "file": {"filename": filename, "file_data": f"data:{kind};base64,{data}"},
        **more,
    }


def text(said: str) -> Message:
    return {"type": "text", "text": said}


def user(*content: Any) -> Message:
    return {"role": "user", "content": content[0] if type(content[0]) is str else list(content)}


def tool(identifier: str, *content: Any) -> Message:
    return {"role": "tool", "tool_call_id": identifier, "content": user(*content)["content"]}


def shown(content: Any, where: Route) -> Any:
    (message,) = for_provider([{"role": "user", "content": content}], where)
    return message["content"]


CALLS = [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
PLAIN = [
    {"role": "system", "content": "be brief"},
    user("a"),
    {"role": "assistant", "content": None, "tool_calls": CALLS, "refusal": None},
    tool("t1", "r"),
]


@pytest.mark.parametrize("where", ROUTES)
def test_plain_messages_are_the_same_list(where):
    assert is_plain(PLAIN)
    assert for_provider(PLAIN, where) is PLAIN


@pytest.mark.parametrize(
    "message",
    [
        user(text("a")),
        {"role": "assistant", "content": "a", "thinking_blocks": [{"type": "thinking"}]},
        {"role": "assistant", "content": "a", "reasoning_content": "hm"},
        {"role": "assistant", "content": None, "refusal": "no"},
    ],
)
def test_what_may_have_to_change_is_not_plain(message):
    assert not is_plain([*PLAIN, message])


@pytest.mark.parametrize("kind", ["text/csv", "text/html", "text/plain", "text/markdown"])
def test_a_document_of_text_is_text_where_not_bedrock_alone_is_asked(kind):
    part = document(
        kind,
        encoded(b"one,two"),
        f"d.{ {'text/plain': 'txt', 'text/markdown': 'md'}.get(kind, kind[5:]) }",
    )
    assert shown([part], OPENAI) == "Document d:\n\none,two"
    assert shown([part], BEDROCK) == [part]


@pytest.mark.parametrize(
    ("filename", "name"), [("a.b.txt", "a.b"), ("x.py", "x.py"), (".md", ".md")]
)
def test_the_ending_of_a_text_is_no_part_of_its_name(filename, name):
    part = document("text/plain;charset=utf-8", encoded(b"t"), filename)
    assert shown([part], OPENAI) == f"Document {name}:\n\nt"


def test_the_mark_for_the_cache_stays():
    mark = {"cache_control": {"type": "ephemeral"}}
    assert shown([document("text/plain", encoded(b"t"), "d.txt", **mark)], OPENAI) == [
        {**text("Document d:\n\nt"), **mark}
    ]


def test_a_document_that_is_not_the_text_it_says_it_is_is_refused():
    part = document("text/plain", encoded(b"\xff"))
    with pytest.raises(UnsupportedContent, match="'d' is not UTF-8 text"):
        shown([part], OPENAI)
    assert shown([part], BEDROCK) == [part]


def test_other_files_stay_files():
    assert shown([PDF, text("a")], OPENAI) == [PDF, text("a")]


def test_guarded_text_is_text_where_nobody_guards_it():
    assert shown([{"type": "guarded_text", "text": "g"}], OPENAI) == "g"
    assert shown([{"type": "guarded_text", "text": "g"}], route("bedrock", "openai")) == "g"
    assert shown([{"type": "guarded_text", "text": "g"}], BEDROCK)[0]["type"] == "guarded_text"


def test_what_a_tool_returned_beside_text_moves_to_the_users_message():
    messages = [tool("t1", text("r1"), PNG), tool("t2", PDF), tool("t3", "r3"), user("and?")]
    assert for_provider(messages, BEDROCK) == messages
    assert for_provider(messages, OPENAI) == [
        tool("t1", text("r1"), text(ATTACHED)),
        tool("t2", ATTACHED),
        tool("t3", "r3"),
        user(
            *(text("From the result of the tool call t1:"), PNG),
            *(text("From the result of the tool call t2:"), PDF),
            text("and?"),
        ),
    ]


@pytest.mark.parametrize("after", [[], [{"role": "assistant", "content": "b"}]])
def test_there_is_a_message_of_the_users_where_none_follows(after):
    messages = [tool("t1", PNG), *after]
    label = text("From the result of the tool call t1:")
    assert for_provider(messages, OPENAI) == [tool("t1", ATTACHED), user(label, PNG), *after]


def test_a_text_that_a_tool_returned_as_a_document_moves_too():
    messages = [tool("t1", document("text/csv", encoded(b"1,2"), "d.csv")), user("")]
    label = text("From the result of the tool call t1:")
    assert for_provider(messages, OPENAI) == [
        tool("t1", ATTACHED),
        user(label, text("Document d:\n\n1,2")),
    ]


THOUGHT = {
    "role": "assistant",
    "content": "b",
    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
}


@pytest.mark.parametrize(
    "where", [BEDROCK, ANTHROPIC, route("vertex_ai"), route("bedrock", "openai")]
)
def test_signed_thoughts_are_for_those_who_signed_them(where):
    assert for_provider([THOUGHT], where) == [THOUGHT]


@pytest.mark.parametrize("where", [OPENAI, route("deepseek"), route("groq", "azure")])
def test_thoughts_of_earlier_turns_are_left_out_for_others(where):
    assert for_provider([THOUGHT], where) == [{"role": "assistant", "content": "b"}]
    assert for_provider([THOUGHT], where, replayed=False) == [THOUGHT]


def test_while_nothing_is_known_of_a_model_its_thoughts_stay():
    assert for_provider([THOUGHT], route()) == [THOUGHT]


def test_a_message_of_a_thought_alone_is_an_empty_one():
    assert for_provider([{**THOUGHT, "content": None}], OPENAI) == [
        {"role": "assistant", "content": ""}
    ]


def test_reasoning_is_for_those_who_take_it():
    message = {"role": "assistant", "content": "b", "reasoning_content": "hm"}
    assert for_provider([message], route("deepseek")) == [message]
    assert for_provider([message], route("groq")) == [{"role": "assistant", "content": "b"}]


@pytest.mark.parametrize("where", [BEDROCK, OPENAI])
def test_a_refusal_is_what_was_said(where):
    refused = {"role": "assistant", "content": None, "refusal": "no"}
    assert for_provider([refused], where) == [{"role": "assistant", "content": "no"}]
    assert shown([{"type": "refusal", "refusal": "no"}], where) == "no"
    beside_nothing = {**refused, "content": [text("")]}
    assert for_provider([beside_nothing], where) == [{"role": "assistant", "content": "no"}]


@pytest.mark.parametrize(
    ("part", "taken", "refused"),
    [
        (VIDEO, [BEDROCK, route("gemini")], [OPENAI, route("bedrock", "openai"), route()]),
        (
            SOUND,
            [OPENAI, route("gemini"), route()],
            [BEDROCK, ANTHROPIC, route("bedrock", "openai")],
        ),
    ],
    ids=["video", "audio"],
)
def test_video_and_audio_are_refused_where_nobody_takes_them(part, taken, refused):
    for where in taken:
        assert shown([part], where) == [part]
    for where in refused:
        with pytest.raises(
            UnsupportedContent, match=r"The conversation holds (video|audio)"
        ) as caught:
            shown([part], where)
        assert caught.value.status == 400


@pytest.mark.parametrize("where", ROUTES)
@settings(max_examples=150, deadline=None)
@given(messages=conversations)
def test_any_conversation_is_shown_in_the_providers_form_or_refused(where, messages):
    before = copy.deepcopy(messages)
    try:
        adapted = for_provider(messages, where)
    except UnsupportedContent:
        adapted = []
    assert messages == before, "what is kept was changed"
    assert for_provider(adapted, where) == adapted
    if is_plain(messages):
        assert adapted is messages
    for message in adapted:
        kinds = kinds_in(message)
        if where != BEDROCK:
            assert "guarded_text" not in kinds
            if message["role"] == "tool":
                assert not kinds & {"image_url", "video_url", "file", "input_audio"}
        if where == OPENAI:
            assert not message.keys() & {"thinking_blocks", "reasoning_content"}


def kinds_in(message: Message) -> set[str]:
    content = message["content"]
    parts = content if isinstance(content, list) else []
    return {part.get("type", "") for part in parts if isinstance(part, dict)}


def test_what_an_assistant_made_beside_words_is_replayed_in_words_alone():
    spoken = {"role": "assistant", "content": None, "audio": {"id": "a1", "transcript": "Good day"}}
    drawn = {"role": "assistant", "content": "Look:", "images": [PNG]}
    assert not is_plain([spoken]) and not is_plain([drawn])
    assert for_provider([spoken, drawn], OPENAI) == [
        {"role": "assistant", "content": "Good day"},
        {"role": "assistant", "content": "Look:"},
    ]
