"""Messages of chat completions, drawn at random: every kind of part, odd ids, empty texts, any order."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from middleware.bedrock.messages import FAILED

Message = dict[str, Any]
BROKEN = ("", "no base64!", "YQ")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def one_of(**members: Any) -> st.SearchStrategy[Message]:
    return st.fixed_dictionaries(members)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


texts = st.text(max_size=30) | st.sampled_from(["", " ", "\n"])
words = st.text(min_size=1, max_size=20).filter(str.strip)
blobs = st.binary(min_size=1, max_size=20).map(encoded)
names = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["a.pdf", "b.TXT", "c (2)", "d.md", "ä  ö.csv"]
)
marks = st.sampled_from([{}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}])
marks |= st.just({"cache_control": {"type": "ephemeral"}})
media_types = st.sampled_from(
    [
        *("image/png", "image/jpg", "image/svg+xml", "application/pdf", "application/zip"),
        *("text/plain", "text/markdown", "text/csv", "text/x-python", "video/mp4", "audio/wav"),
    ]
)
data_urls = st.builds(
    lambda kind, data: f"data:{kind};base64,{data}", media_types, blobs | st.sampled_from(BROKEN)
) | st.sampled_from(["data:text/plain,hello%20there", "data:", "data:image/png"])
urls = data_urls | st.just("https://pictures.example/1.png")
identifiers = st.text(max_size=80) | st.sampled_from(["call_0", "call_1", "call-ä"])
seals = st.sampled_from([{}, {"signature": "sealed"}, {"signature": None}])

said = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, texts, marks)
guarded = one_of(type=st.just("guarded_text"), text=texts)
images = st.builds(
    lambda url, mark: {"type": "image_url", "image_url": url, **mark},
    urls | urls.map(lambda url: {"url": url, "detail": "low"}),
    marks,
)
videos = one_of(type=st.just("video_url"), video_url=one_of(url=urls))
files = one_of(
    type=st.just("file"),
    file=one_of(filename=names, file_data=data_urls | blobs)
    | one_of(file_id=words)
    | one_of(file_data=data_urls),
)
sounds = one_of(
    type=st.just("input_audio"),
    input_audio=one_of(
        data=blobs | st.sampled_from(BROKEN), format=st.sampled_from(["wav", "mp3", "midi"])
    ),
)
refusals = one_of(type=st.just("refusal"), refusal=texts)
unknown = (
    one_of(type=st.just("hologram"), hologram=words)
    | one_of(type=st.just("query"), text=words)
    | st.just({})
    | words
)
thoughts = (
    st.builds(lambda text, seal: {"type": "thinking", "thinking": text, **seal}, texts, seals)
    | one_of(type=st.just("redacted_thinking"), data=blobs | st.sampled_from(BROKEN))
    | st.just({"type": "thinking"})
)
parts = said | guarded | images | videos | files | sounds | refusals | unknown | thoughts
contents = st.none() | texts | st.lists(parts, max_size=4)

arguments = st.sampled_from(
    ["", "{}", '{"city": "Bern"}', "[1]", "no json", '{"a":' * 260 + "1" + "}" * 260]
)
functions = st.builds(
    lambda name, given: {"name": name, "arguments": given}, names, arguments
) | st.just({"name": "f"})
calls = st.builds(
    lambda identifier, function, mark: {
        **({} if identifier is None else {"id": identifier}),
        "type": "function",
        "function": function,
        **mark,
    },
    maybe(identifiers),
    functions,
    marks,
)
customs = st.just({"id": "call_0", "type": "custom", "custom": {"name": "sh", "input": "ls -l"}})


@st.composite
def assistants(draw: st.DrawFn) -> Message:
    message: Message = {"role": "assistant", "content": draw(contents)}
    optional = {
        "tool_calls": st.lists(calls | customs, max_size=3),
        "function_call": functions,
        "thinking_blocks": st.lists(thoughts, max_size=3),
        "reasoning_content": texts,
        "refusal": maybe(texts),
        "audio": st.sampled_from([{"id": "a"}, {"id": "a", "transcript": "spoken words"}]),
    }
    for name, strategy in optional.items():
        if draw(st.integers(0, 3)) == 0:
            message[name] = draw(strategy)
    return message


users = st.builds(
    lambda role, content, mark: {"role": role, "content": content, **mark},
    st.sampled_from(["user", "system", "developer", "critic"]),
    contents,
    marks,
)
failures = texts.map(lambda text: f"{FAILED}{text}")
tools = st.builds(
    lambda identifier, content, mark: {
        "role": "tool",
        "tool_call_id": identifier,
        "content": content,
        **mark,
    },
    identifiers,
    contents | failures,
    marks,
)
old_tools = one_of(role=st.just("function"), name=names, content=maybe(texts))
conversations = st.lists(users | assistants() | tools | old_tools, max_size=8)


def texts_in(messages: list[Message]) -> list[str]:
    """All that has to be readable wherever these messages are shown."""
    found: list[str] = []
    for message in messages:
        inside = _strings(message.get("content"))
        if message["role"] in ("tool", "function") and inside:
            inside[0] = inside[0].removeprefix(FAILED).strip()
        found += inside
        for name in ("thinking_blocks", "refusal", "audio"):
            found += _strings(message.get(name))
        if not message.get("thinking_blocks"):
            found += _strings(message.get("reasoning_content"))
        for call in message.get("tool_calls", ()):
            function = call.get("function") or call["custom"]
            given = function.get("arguments", function.get("input"))
            found += [given] if given and not _is_object(given) else []
    return [text for text in found if text.strip()]


def pictures_in(messages: list[Message]) -> list[str]:
    """The data of the pictures that users show."""
    users = [message["content"] for message in messages if message["role"] == "user"]
    found = []
    for part in (part for content in users if isinstance(content, list) for part in content):
        match part:
            case {"image_url": {"url": str(url)} | str(url)} if url.startswith("data:image/png;"):
                data = url.partition(",")[2]
                found += [] if data in BROKEN else [data]
    return found


def _strings(value: Any) -> list[str]:
    """The texts of a content: what its parts say, the addresses and names of what they only point to."""
    match value:
        case str(text):
            return [text]
        case list(items):
            return [text for item in items for text in _strings(item)]
        case {"image_url": url} | {"video_url": url}:
            url = url["url"] if isinstance(url, dict) else url
            return [url] if url.startswith("http") else []
        case {"file": {"file_id": identifier}}:
            return [identifier]
        case {"text": text} | {"refusal": text} | {"thinking": text} | {"transcript": text}:
            return [text]
        case {"hologram": text}:
            return [json.dumps(text, ensure_ascii=False)[1:-1]] if text.isprintable() else []
    return []


def _is_object(given: str) -> bool:
    try:
        return isinstance(json.loads(given), dict) and given.count("{") < 200
    except ValueError:
        return False
