"""The pieces Converse requests are made of, written out once."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

Block = dict[str, Any]

WEATHER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city"},
        "days": {"type": "integer", "minimum": 1},
        "units": {"type": "string", "enum": ["metric", "imperial"]},
    },
    "required": ["city"],
}


def user(*blocks: Block | str) -> Block:
    """A user's turn; bare strings are text blocks."""
    return {"role": "user", "content": [text(b) if isinstance(b, str) else b for b in blocks]}


def assistant(*blocks: Block | str) -> Block:
    """The assistant's turn."""
    return user(*blocks) | {"role": "assistant"}


def text(words: str) -> Block:
    return {"text": words}


def encoded(content: bytes) -> str:
    """Bytes as the JSON of AWS carries them."""
    return base64.b64encode(content).decode()


def image(content: bytes, form: str = "png") -> Block:
    return {"image": {"format": form, "source": {"bytes": encoded(content)}}}


def document(content: bytes, form: str = "pdf", name: str = "report") -> Block:
    return {"document": {"format": form, "name": name, "source": {"bytes": encoded(content)}}}


def tool(name: str, schema: Block | None = None, description: str = "A tool.") -> Block:
    spec = {"name": name, "description": description}
    return {"toolSpec": spec | {"inputSchema": {"json": schema or {"type": "object"}}}}


def tools(*specs: Block, choice: Block | None = None) -> Block:
    """A tool configuration."""
    return {"tools": list(specs)} | ({"toolChoice": choice} if choice else {})


WEATHER = tool("get_weather", WEATHER_SCHEMA, "The weather of a city.")
TIDES = tool("get_tides", {"type": "object", "properties": {"port": {"type": "string"}}}, "Tides.")


def tool_use(id: str, name: str, arguments: Block) -> Block:
    return {"toolUse": {"toolUseId": id, "name": name, "input": arguments}}


def tool_result(id: str, *content: Block, status: str | None = None) -> Block:
    result = {"toolUseId": id, "content": list(content)}
    return {"toolResult": result | ({"status": status} if status else {})}


def png(shade: int, size: int = 8) -> bytes:
    """A real grey PNG; another shade makes another picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * size) * size
    ends = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


def pdf(words: str) -> bytes:
    """The smallest PDF that readers open, with these words on its page."""
    stream = f"BT /F1 12 Tf 20 100 Td ({words}) Tj ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R"
        b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    )
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    return body + table + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)
