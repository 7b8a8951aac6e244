"""Parts of messages are Converse's blocks: media, documents, marks for the cache; the rest is told."""

from __future__ import annotations

import base64

import pytest

from middleware.history.converse import DOCUMENTS

from .rendered import CACHE, PNG, POINT, answered, assistant, call, said, tool, turns


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "guarded_text", "text": "g"}, {"guardContent": {"text": {"text": "g"}}}),
        (
            {"type": "image_url", "image_url": {"url": PNG}},
            {"image": {"format": "png", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "image_url", "image_url": "data:image/jpg;base64,aGk="},
            {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:video/3gpp;base64,aGk="}},
            {"video": {"format": "three_gp", "source": {"bytes": "aGk="}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "aGk="}}},
        ),
    ],
)
def test_parts_that_converse_has_blocks_for(part, block):
    assert said(part) == [block]


@pytest.mark.parametrize(
    ("file", "name", "kind"),
    [
        (
            {"filename": "my report_v2.pdf", "file_data": "data:application/pdf;base64,aGk="},
            "my report-v2",
            "pdf",
        ),
        (
            {"filename": "a.b.CSV", "file_data": "data:application/octet-stream;base64,aGk="},
            "a-b",
            "csv",
        ),
        ({"filename": "x.py", "file_data": "data:text/x-python;base64,aGk="}, "x-py", "txt"),
        ({"filename": "n.docx", "file_data": "aGk="}, "n", "docx"),
        ({"file_data": "data:text/html;base64,aGk="}, "document", "html"),
        ({"filename": "n.md", "file_data": "data:text/markdown,hi"}, "n", "md"),
    ],
)
def test_files_are_documents(file, name, kind):
    placeholder, block = said({"type": "file", "file": file})
    assert placeholder == {"text": DOCUMENTS}
    assert block == {
        "document": {
            "format": kind,
            "name": name,
            "source": {"bytes": block["document"]["source"]["bytes"]},
        }
    }
    assert base64.b64decode(block["document"]["source"]["bytes"]) == b"hi"


def test_no_two_documents_have_the_same_name():
    file = {
        "type": "file",
        "file": {"filename": "d.pdf", "file_data": "data:application/pdf;base64,aGk="},
    }
    first, _, second = turns(
        {"role": "user", "content": ["see", file, file]},
        assistant(content="b"),
        {"role": "user", "content": ["see", file]},
    )
    names = [block["document"]["name"] for turn in (first, second) for block in turn["content"][1:]]
    assert names == ["d", "d (2)", "d (3)"]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}},
            "(an image: https://a.example/1.png)",
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,aGk="}},
            "(an image: image/svg+xml)",
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
            "(an image: image/png)",
        ),
        ({"type": "video_url", "video_url": {"url": "gs://a/b"}}, "(a video: gs://a/b)"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "(a file: file-1)"),
        (
            {
                "type": "file",
                "file": {"filename": "a.zip", "file_data": "data:application/zip;base64,aGk="},
            },
            "(a file: a.zip, application/zip)",
        ),
        ({"type": "file", "file": {}}, "(a file: without a name)"),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "midi"}},
            "(audio in the format midi)",
        ),
        ({"type": "refusal", "refusal": "no"}, "no"),
        ({"type": "query", "text": "q"}, "q"),
        ({"type": "hologram", "of": 1}, '{"type":"hologram","of":1}'),
        ("bare", "bare"),
    ],
)
def test_what_converse_has_no_block_for_is_told(part, text):
    assert said(part) == [{"text": text}]


def test_marks_for_the_cache_are_points_after_what_is_cached():
    assert said({"type": "text", "text": "a", **CACHE}, {"type": "text", "text": " ", **CACHE}) == [
        {"text": "a"},
        POINT,
    ]
    (turn,) = turns(
        {"role": "user", "content": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    )
    assert turn["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    _, content = answered(tool_calls=[call("t1", **CACHE)])
    assert content == POINT
    (turn,) = turns(tool("t1", "r", **CACHE), {"role": "user", "content": "and?"})
    assert [next(iter(block)) for block in turn["content"]] == ["toolResult", "cachePoint", "text"]
