"""Server-sent events, piece by piece: bytes in, the data of complete events out."""

from __future__ import annotations


class EventParser:
    """Splits a stream at blank lines. Only `data` lines are read; LiteLLM sends nothing else."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that `piece` completes."""
        if (
            not self._rest
            and piece.startswith(b"data: ")
            and piece.endswith(b"\n\n")
            and piece.find(b"\n") == len(piece) - 2 > 6
        ):
            return [piece[6:-2]]  # one whole event of one line, as LiteLLM sends a token
        text = self._rest + piece if self._rest else piece
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        *events, self._rest = text.split(b"\n\n")
        return [data for event in events if (data := _data(event))]


def _data(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = (
        line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")
    )
    return b"\n".join(lines)
