"""Pictures and documents reach the provider byte for byte, or the caller is told."""

from __future__ import annotations

import base64

import pytest

from tests.contract.models import CHAT, HAIKU_3, OPENAI, READS_DOCUMENTS
from tests.contract.turns import (
    WEATHER,
    assistant,
    document,
    image,
    pdf,
    png,
    tool_result,
    tool_use,
    tools,
    user,
)

# 1 x 1 pictures
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
WEBP = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////"
    "////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)


@pytest.fixture(params=READS_DOCUMENTS)
def reader(request):
    return request.param


@pytest.mark.parametrize(
    ("form", "content"), [("png", png(7)), ("jpeg", JPEG), ("gif", GIF), ("webp", WEBP)]
)
def test_an_image_of_each_format(ask, provider, model, marker, form, content):
    reply = ask({"messages": [user(f"What is this? {marker}", image(content, form))]})
    assert reply.text.startswith("Received 1 image.")
    received = provider.only(marker)
    assert received.holds(content)
    assert (f"image/{form}" if model == OPENAI else f'"format": "{form}"') in received.text


def test_several_images_between_texts_keep_their_order(ask, provider, marker):
    shots = [png(shade) for shade in (10, 20, 30)]
    blocks = [b for n, shot in enumerate(shots) for b in (f"{marker}-{n}", image(shot))]
    reply = ask({"messages": [user(*blocks)]})
    assert reply.text.startswith("Received 3 images.")
    found = provider.only(f"{marker}-0").text
    places = [
        found.index(word if isinstance(word, str) else word["image"]["source"]["bytes"])
        for word in blocks
    ]
    assert places == sorted(places)


def test_an_image_alone(ask, provider, marker):
    """No text in the turn; an earlier turn has the mark."""
    shot = png(90)
    ask({"messages": [user(marker), assistant("Go on."), user(image(shot))]})
    assert provider.only(marker).holds(shot)


def test_a_large_image(ask, provider, marker):
    """Three megabytes that do not compress."""
    shot = png(1) + bytes(range(256)) * 12_000
    ask({"messages": [user(marker, image(shot))]})
    assert provider.only(marker).holds(shot)


def test_an_image_in_an_earlier_turn(ask, provider, marker):
    shot = png(55)
    ask({"messages": [user(marker, image(shot)), assistant("A square."), user("Which shade?")]})
    assert provider.only(marker).holds(shot)


def test_an_image_in_a_tool_result(ask, provider, marker):
    shot = png(66)
    call = tool_use("call-1", "get_weather", {"city": marker})
    result = tool_result("call-1", {"text": "The radar:"}, image(shot))
    ask({"messages": [user("Radar"), assistant(call), user(result)], "toolConfig": tools(WEATHER)})
    received = provider.only(marker)
    assert received.holds(shot)
    assert "The radar:" in received.text


@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_a_document(strict, provider, reader, operation, marker):
    content = pdf(marker)
    body = {"messages": [user(f"Sum it up: {marker}", document(content, name="Quarterly (Q3)"))]}
    reply = strict.ask(operation, reader, body)
    assert reply.text.startswith("Received 1 document.")
    received = provider.only(marker)
    assert received.holds(content)
    if reader == OPENAI:  # LiteLLM gives documents names of its own on Bedrock's wire
        assert "Quarterly (Q3)" in received.text


@pytest.mark.parametrize("form", ["txt", "csv", "md", "html"])
def test_a_document_of_text(strict, provider, reader, marker, form):
    """Its words arrive, as a file or in the prompt; asserting on which would be asserting too much."""
    words = f"a,b,{marker}"
    block = document(words.encode(), form)
    strict.ask("converse", reader, {"messages": [user(f"Read {marker}", block)]})
    received = provider.only(marker)
    assert received.holds(words.encode()) or words in received.text


def test_a_document_given_as_text(strict, reader, provider, marker):
    """Taken over or refused, never lost."""
    words = f"The secret is {marker}."
    block = {"document": {"format": "txt", "name": "note", "source": {"text": words}}}
    response = strict.send("converse", reader, {"messages": [user(f"Read {marker}", block)]})
    if response.status_code == 200:
        received = provider.only(marker)
        assert words in received.text or received.holds(words.encode())
    else:
        assert response.headers["x-amzn-errortype"] == "ValidationException"


def test_a_document_for_a_model_that_reads_none(strict, operation, marker):
    body = {"messages": [user(marker, document(pdf(marker)))]}
    refused = strict.refused(operation, HAIKU_3, body)
    assert refused.name == "ValidationException"
    assert "document" in refused.message


@pytest.mark.parametrize("model", CHAT)
@pytest.mark.parametrize(
    "block",
    [
        {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/film.mp4"}}}},
        {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/shot.png"}}}},
    ],
    ids=["video", "video in S3", "audio", "image in S3"],
)
def test_what_a_model_cannot_take_is_refused(strict, operation, model, marker, block):
    refused = strict.refused(operation, model, {"messages": [user(marker, block)]})
    assert refused.name == "ValidationException"
