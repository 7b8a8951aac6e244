"""Turns of Converse's: who speaks when, and what a system message and an assistant may say."""

from __future__ import annotations

from middleware.history.converse import BEGINNING, converse_history
from tests.middleware.chat import drawn

from .rendered import CACHE, PNG, POINT, answered, assert_is_taken, assistant, turns


def test_plain_words():
    assert converse_history(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "a"},
            {"role": "developer", "content": "be kind"},
            {"role": "assistant", "content": "b"},
        ]
    ) == {
        "system": [{"text": "be brief"}, {"text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"text": "a"}]},
            {"role": "assistant", "content": [{"text": "b"}]},
        ],
    }


def test_nothing_is_nothing():
    assert converse_history([]) == {"messages": [], "system": []}
    assert converse_history([{"role": "user", "content": " "}, assistant()])["messages"] == []


def test_an_assistant_who_begins_is_asked_to():
    first, second = turns({"role": "assistant", "content": "hello"})
    assert first == {"role": "user", "content": [{"text": BEGINNING}]}
    assert second["content"] == [{"text": "hello"}]


def test_roles_take_turns():
    one, two, three = turns(
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "d"},
        {"role": "user", "content": "e"},
    )
    assert one["content"] == [{"text": "a"}, {"text": "b"}]
    assert two["content"] == [{"text": "c"}, {"text": "d"}]
    assert three["content"] == [{"text": "e"}]


def test_system_messages_hold_texts():
    parts = [
        {"type": "text", "text": "a", **CACHE},
        {"type": "guarded_text", "text": "g"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,aGk="}},
        {"type": "file", "file": {"filename": "d.txt", "file_data": "data:text/plain;base64,aGk="}},
    ]
    rendered = converse_history([{"role": "system", "content": parts}])
    assert_is_taken(rendered)
    assert rendered["system"] == [
        {"text": "a"},
        POINT,
        {"guardContent": {"text": {"text": "g"}}},
        {"guardContent": {"image": {"format": "png", "source": {"bytes": "aGk="}}}},
        {"text": "(an image: image/gif)"},
        {"text": "Document d:\n\nhi"},
    ]


def test_an_assistant_shows_no_pictures_and_no_documents():
    file = {"filename": "d.txt", "file_data": "data:text/plain;base64,aGk="}
    content = [{"type": "image_url", "image_url": {"url": PNG}}, {"type": "file", "file": file}]
    assert answered(content=content, images=[{"image_url": {"url": PNG}}]) == [
        {"text": "(an image: image/png)"},
        {"text": "Document d:\n\nhi"},
        {"text": "(an image: image/png)"},
    ]


def test_thoughts_come_first_with_their_signatures():
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "thinking", "thinking": " "},
        {"type": "redacted_thinking", "data": "aGk="},
        {"type": "redacted_thinking", "data": "not base64"},
    ]
    assert answered(content="b", thinking_blocks=thoughts, reasoning_content="hm") == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "s2"}}},
        {"reasoningContent": {"redactedContent": "aGk="}},
        {"reasoningContent": {"redactedContent": drawn.encoded(b"not base64")}},
        {"text": "b"},
    ]
    assert answered(content="b", reasoning_content="hm") == [
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
        {"text": "b"},
    ]


def test_refusals_and_spoken_words_are_said():
    assert answered(refusal="no") == [{"text": "no"}]
    assert answered(audio={"id": "a", "data": "aGk=", "transcript": "hello"}) == [{"text": "hello"}]
