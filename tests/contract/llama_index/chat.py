"""LlamaIndex's Bedrock Converse model: chat, stream, a tool and its result; prints what came of it.

The library knows the models of Bedrock by name and refuses others; what it asks for can be another one all
the same, named where it takes an inference profile.
"""

import json
import os

from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.bedrock_converse import BedrockConverse

KNOWN = "anthropic.claude-3-haiku-20240307-v1:0"
MODEL, MARKER = os.environ["CONTRACT_MODEL"], os.environ["CONTRACT_MARKER"]
asked: list[str] = []


def harbour_tides(port: str) -> str:
    """Tell the tides of a harbour."""
    asked.append(port)
    return f"High water in {port} at 6 o'clock"


def main() -> None:
    llm = BedrockConverse(model=KNOWN, application_inference_profile_arn=MODEL, max_tokens=300)
    system = ChatMessage(role="system", content=f"You know harbours. {MARKER}")
    chat = llm.chat([system, ChatMessage(role="user", content=f"echo: Ahoy {MARKER}")])
    words = " ".join(str(number) for number in range(30))
    pieces = [
        piece.delta
        for piece in llm.stream_chat([ChatMessage(role="user", content=f"echo: {MARKER} {words}")])
    ]
    tool = FunctionTool.from_defaults(fn=harbour_tides)
    answer = llm.predict_and_call([tool], user_msg='When are the tides in "Kiel"?')
    picture = ImageBlock(path=os.environ["CONTRACT_PNG"], image_mimetype="image/png")
    blocks = [TextBlock(text=f"Look: {MARKER}"), picture]
    seen = llm.chat([ChatMessage(role="user", blocks=blocks)])
    told = {
        "chat": chat.message.content,
        "usage": {k: v for k, v in chat.additional_kwargs.items() if isinstance(v, int)},
        "streamed": "".join(piece or "" for piece in pieces),
        "pieces": len(pieces),
        "answer": str(answer),
        "asked": asked,
        "seen": seen.message.content,
    }
    print(json.dumps(told))


main()
