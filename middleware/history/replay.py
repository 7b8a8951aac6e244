"""What a model is shown of a conversation: the turns before, then the new messages.

Nearly every conversation is plain text, which every provider takes. Its rows are JSON already, and are put
together as the bytes they are.

Clients repeat their system prompt with every call. A run of system messages that says the same as the one
before it, at the beginning of a turn, is shown once.
"""

from __future__ import annotations

from typing import Any

import orjson

from middleware.catalogue import Route
from middleware.chat.shape import for_provider
from middleware.history.rows import Past

Message = dict[str, Any]
_ROLES = ("system", "developer")
_SYSTEM = (b'[{"role":"system"', b'[{"role":"developer"')


def shown(past: list[Past], messages: list[Message], route: Route) -> Any:
    """The conversation, ready for `orjson.dumps`.

    Args:
        past: the turns before, in their order.
        messages: the new messages, in the form in which this model's provider takes them.
        route: what serves the model.

    Raises:
        ServiceError: the conversation holds what this provider cannot be shown.
    """
    if not past:
        return messages
    if all(turn.plain and turn.reply_plain and turn.complete for turn in past):
        pieces: list[bytes] = []
        questions = _collapsed([*[turn.messages for turn in past], orjson.dumps(messages)])
        for question, turn in zip(questions, past, strict=False):
            pieces += question, turn.reply
        pieces.append(questions[-1])
        return orjson.Fragment(b"[%b]" % b",".join(filter(None, pieces)))
    turns = [*(decoded(turn) for turn in past), messages]
    *before, new = _without_repeats(turns)
    return [*for_provider([one for turn in before for one in turn], route), *new]


def decoded(turn: Past) -> list[Message]:
    """The messages of a turn, question and reply."""
    messages: list[Message] = orjson.loads(turn.messages)
    reply: Message = orjson.loads(turn.reply)
    if turn.complete:
        return [*messages, reply]
    # of an answer that broke off only the words make sense: its calls and thoughts have no end
    words = {"role": "assistant", "content": reply.get("content")}
    return [*messages, words] if words["content"] else messages


def _collapsed(turns: list[bytes]) -> list[bytes]:
    """The inside of each JSON list, without system messages that say again what the last ones said."""
    result, head = [], b""
    for turn in turns:
        inside = turn[1:-1]
        if turn.startswith(_SYSTEM):
            if head and inside.startswith(head):
                inside = inside[len(head) :]
            else:
                head = b"".join(orjson.dumps(one) + b"," for one in _leading(orjson.loads(turn)))
        result.append(inside)
    return result


def _without_repeats(turns: list[list[Message]]) -> list[list[Message]]:
    """The same of messages that have been read."""
    result: list[list[Message]] = []
    head: list[Message] = []
    for turn in turns:
        leading = _leading(turn)
        repeats = leading == head and len(turn) > len(leading)
        result.append(turn[len(leading) :] if repeats else turn)
        head = leading or head
    return result


def _leading(messages: list[Message]) -> list[Message]:
    count = 0
    while count < len(messages) and messages[count].get("role") in _ROLES:
        count += 1
    return messages[:count]
