from __future__ import annotations

import asyncio

import pytest
from starlette.datastructures import Headers, UploadFile

from middleware.budgets.errors import CostUnknown
from middleware.errors import InvalidRequest
from middleware.multipart import PIECE, form_of

HEADERS = Headers({"content-type": "multipart/form-data; boundary=cut"})


def body_of(sound: bytes) -> bytes:
    return (
        b'--cut\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
        b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"content-type: audio/wav\r\n\r\n" + sound + b"\r\n--cut--\r\n"
    )


@pytest.mark.parametrize("size", [0, 1, PIECE, 5 * PIECE + 17])
async def test_a_form_of_any_size_is_read_whole(size):
    sound = b"\r\n--cu" * (size // 6) + b"x" * (size % 6)
    form = await form_of(HEADERS, body_of(sound))
    file = form["file"]
    assert form["model"] == "whisper" and isinstance(file, UploadFile)
    assert await file.read() == sound
    await form.close()


async def test_others_have_their_turn_while_a_large_form_is_read():
    turns, pieces = 0, 40

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    form = await form_of(HEADERS, body_of(b"x" * pieces * PIECE))
    task.cancel()
    await form.close()
    assert turns >= pieces


@pytest.mark.parametrize("body", [b"no form", b"--cut\r\nno header\r\n\r\n"])
@pytest.mark.parametrize("error", [InvalidRequest, CostUnknown])
async def test_what_is_no_form_is_the_error_asked_for(body, error):
    with pytest.raises(error, match="cannot be read"):
        await form_of(HEADERS, body, error)


async def test_a_form_without_a_boundary_is_none():
    with pytest.raises(InvalidRequest):
        await form_of(Headers({"content-type": "multipart/form-data"}), body_of(b""))
