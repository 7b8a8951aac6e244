"""Every format of AWS's model goes there and back."""

from __future__ import annotations

import pytest

from middleware.bedrock import media, schema
from middleware.catalogue import Route
from middleware.chat.files import data_url

BEDROCK = Route("m", frozenset({"bedrock"}))
SOURCE = {"bytes": "aGk="}


def formats(shape: str) -> list[str]:
    return schema.service().shape_for(shape).enum


@pytest.mark.parametrize("kind", formats("ImageFormat"))
def test_images(kind):
    block = {"format": kind, "source": SOURCE}
    url = media.image(block, "")["image_url"]["url"]
    assert media.block(*data_url(url)) == {"image": block}


@pytest.mark.parametrize("kind", formats("VideoFormat"))
def test_videos(kind):
    block = {"format": kind, "source": SOURCE}
    url = media.video(block, BEDROCK, "")["image_url"]["url"]
    assert media.block(*data_url(url)) == {"video": block}


@pytest.mark.parametrize("kind", formats("DocumentFormat"))
def test_documents(kind):
    block = {"format": kind, "name": "d", "source": SOURCE}
    (part,) = media.document(block, "")
    file = part["file"]
    assert media.block(*data_url(file["file_data"]), file["filename"]) == {"document": block}


@pytest.mark.parametrize("kind", formats("AudioFormat"))
def test_audio(kind):
    assert media.block(f"audio/{kind}", "aGk=") == {"audio": {"format": kind, "source": SOURCE}}


def test_what_is_no_base64_is_no_block():
    assert media.block("image/png", "no base64!") is None
    assert media.block("image/png", "") is None
    assert media.block("image/png", "a\nGk=") is not None
