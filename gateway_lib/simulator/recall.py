"""What a model knows from the conversation: "My name is Ada." answers "What is my name?"."""

import re

from gateway_lib.simulator.conversation import ChatRequest

_ASKED = re.compile(r"\bwhat(?:'s| is) my ([a-z][a-z ]{0,40}?)\?", re.IGNORECASE)


def recall(request: ChatRequest) -> str | None:
    """The answer to a question about what the user said of themselves; None where it is no such question."""
    asked = _ASKED.search(request.question)
    if asked is None:
        return None
    thing = asked[1].lower()
    told = re.compile(rf"\bmy {re.escape(thing)} is ([^.!?\n]+)", re.IGNORECASE)
    for turn in reversed(request.turns):
        if turn.role == "user" and (found := told.search(turn.text)):
            return f"Your {thing} is {found[1].strip()}."
    return f"You have not told me your {thing}."
