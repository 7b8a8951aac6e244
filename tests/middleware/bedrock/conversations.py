"""Valid Converse conversations, drawn at random, and what each of them means.

A meaning is a list of turns of plain tuples. Within a turn a chat completion keeps the order of blocks of
one kind but not across kinds, so a turn's meaning is one list for each kind.
"""

from __future__ import annotations

import base64
import string
from typing import Any

from hypothesis import strategies as st

Block = dict[str, Any]
Meaning = dict[str, list[Any]]
TEXTUAL = ("csv", "html", "txt", "md")

texts = st.text(min_size=1, max_size=40).filter(lambda text: text.strip())
names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
identifiers = st.text(string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=64)
blobs = st.binary(min_size=1, max_size=60)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, width=32).filter(lambda number: abs(number) != float("inf"))
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=8), documents, max_size=3)
CACHE_POINT: Block = {"cachePoint": {"type": "default"}}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


text_blocks = st.builds(lambda text: {"text": text}, texts)
images = st.builds(
    lambda kind, data: {"image": {"format": kind, "source": {"bytes": encoded(data)}}},
    st.sampled_from(["png", "jpeg", "gif", "webp"]),
    blobs,
)


@st.composite
def files(draw) -> Block:
    """A document from bytes; those of text formats hold text."""
    kind = draw(st.sampled_from(["pdf", "doc", "docx", "xls", "xlsx", *TEXTUAL]))
    data = draw(texts).encode() if kind in TEXTUAL else draw(blobs)
    block = {"format": kind, "name": draw(names), "source": {"bytes": encoded(data)}}
    if draw(st.booleans()):
        block["context"] = draw(texts)
    return {"document": block}


written = st.builds(
    lambda name, source: {"document": {"name": name, "source": source}},
    names,
    st.builds(lambda text: {"text": text}, texts)
    | st.builds(
        lambda some: {"content": [{"text": text} for text in some]},
        st.lists(texts, min_size=1, max_size=3),
    ),
)
media = images | files() | written
results = st.builds(
    lambda identifier, content, status: {
        "toolResult": {"toolUseId": identifier, "content": content, **status}
    },
    identifiers,
    st.lists(
        text_blocks | st.builds(lambda value: {"json": value}, objects) | images | files(),
        max_size=3,
    ),
    st.sampled_from([{}, {"status": "success"}, {"status": "error"}]),
)
uses = st.builds(
    lambda identifier, name, value: {
        "toolUse": {"toolUseId": identifier, "name": name, "input": value}
    },
    identifiers,
    names,
    objects,
)
thoughts = st.builds(
    lambda text, signature: {"reasoningContent": {"reasoningText": {"text": text, **signature}}},
    st.text(max_size=20),
    st.just({}) | st.builds(lambda seal: {"signature": seal}, st.text(min_size=1, max_size=20)),
) | st.builds(lambda data: {"reasoningContent": {"redactedContent": encoded(data)}}, blobs)


@st.composite
def turns(draw, blocks, cacheable) -> list[Block]:
    """Blocks, with cache points after some of those that one may stand after."""
    content: list[Block] = []
    for block in draw(st.lists(blocks, min_size=1, max_size=5)):
        content.append(block)
        if next(iter(block)) in cacheable and draw(st.integers(0, 4)) == 0:
            content.append(CACHE_POINT)
    return content


user_turns = turns(text_blocks | media | results, ("text", "image", "document", "toolResult"))
assistant_turns = turns(thoughts | text_blocks | uses, ("text", "toolUse"))


@st.composite
def conversations(draw) -> Block:
    """The body of a Converse request."""
    messages = []
    for number in range(draw(st.integers(1, 5))):
        role = "assistant" if number % 2 else "user"
        content = draw(assistant_turns if number % 2 else user_turns)
        messages.append({"role": role, "content": content})
    request: Block = {"messages": messages}
    if draw(st.booleans()):
        request["system"] = draw(turns(text_blocks, ("text",)))
    return request


def meaning(request: Block, *, bedrock: bool) -> tuple[list[Any], list[Meaning]]:
    """System parts and turns; with `bedrock`, of a model whose provider takes files of any format."""
    system = _parts(request.get("system", ()), bedrock)
    return system, [_turn(message["content"], bedrock) for message in request["messages"]]


def _turn(content: list[Block], bedrock: bool) -> Meaning:
    found: Meaning = {"parts": [], "thoughts": [], "calls": [], "results": []}
    of_results: list[Any] = []
    for block in content:
        if thought := block.get("reasoningContent"):
            text = thought.get("reasoningText", {})
            found["thoughts"].append(
                (text.get("text"), text.get("signature"), thought.get("redactedContent"))
            )
        elif use := block.get("toolUse"):
            found["calls"].append((use["toolUseId"], use["name"], use["input"]))
        elif result := block.get("toolResult"):
            inside, beside = _result(result["content"], bedrock)
            failed = result.get("status") == "error"
            found["results"].append((result["toolUseId"], failed, inside))
            if beside:
                of_results += [("of the result", result["toolUseId"]), *beside]
        else:
            found["parts"] += _parts([block], bedrock)
    found["parts"] = of_results + found["parts"]
    return found


def _result(content: list[Block], bedrock: bool) -> tuple[list[Any], list[Any]]:
    """What a tool's message says, and what only a user's message can show."""
    if bedrock:
        return _parts(content, bedrock), []
    found = [_parts([block], bedrock) for block in content]
    shown = [bool(set(block) & {"image", "document"}) for block in content]
    # what is said of a document is text, which a tool's message can say itself
    inside = [
        part
        for parts, moves in zip(found, shown, strict=True)
        for part in parts[: -1 if moves else None]
    ]
    beside = [parts[-1] for parts, moves in zip(found, shown, strict=True) if moves]
    return inside + [("see below",)] * bool(beside), beside


def _parts(blocks, bedrock: bool) -> list[Any]:
    found: list[Any] = []
    for block in blocks:
        if "text" in block:
            found.append(("text", block["text"]))
        elif "json" in block:
            found.append(("json", block["json"]))
        elif image := block.get("image"):
            found.append(("image", image["format"], base64.b64decode(image["source"]["bytes"])))
        elif document := block.get("document"):
            found += _document(document, bedrock)
    return found


def _document(document: Block, bedrock: bool) -> list[Any]:
    before = [("text", document["context"])] if "context" in document else []
    name, source = document["name"], document["source"]
    if "text" in source:
        return [*before, ("document", name, source["text"])]
    if "content" in source:
        return [*before, ("document", name, "\n\n".join(p["text"] for p in source["content"]))]
    data = base64.b64decode(source["bytes"])
    if document["format"] in TEXTUAL and not bedrock:
        return [*before, ("document", name, data.decode())]
    return [*before, ("file", f"{name}.{document['format']}", data)]


def cache_points(request: Block) -> list[int]:
    """How many there are in the system blocks, and in each turn."""
    contents = [request.get("system", ()), *(message["content"] for message in request["messages"])]
    return [sum("cachePoint" in block for block in content) for content in contents]
