"""A simulated model knows what it was told, and nothing else."""

import pytest

from gateway_lib.simulator.conversation import ChatRequest, Turn
from gateway_lib.simulator.recall import recall


def conversation(*texts: str) -> ChatRequest:
    roles = ["user", "assistant"] * len(texts)
    turns = tuple(Turn(role, text) for role, text in zip(roles, texts, strict=False))
    return ChatRequest("m", turns)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["My name is Ada. Hello!", "Hello.", "What is my name?"], "Your name is Ada."),
        (
            ["my favourite city is Porto", "ok", "What's my favourite city?"],
            "Your favourite city is Porto.",
        ),
        (
            ["My name is Ada.", "ok", "My name is Bea.", "ok", "what is my name?"],
            "Your name is Bea.",
        ),
        (["What is my name?"], "You have not told me your name."),
        (["Hello", "My name is Model.", "What is my name?"], "You have not told me your name."),
        (["What is the capital of my country?"], None),
    ],
)
def test_what_was_told_is_known(texts, said):
    assert recall(conversation(*texts)) == said
