"""A Strands agent with a tool, streamed and not, and structured output; prints what came of it."""

import asyncio
import json
import os

from pydantic import BaseModel
from strands import Agent, tool
from strands.models import BedrockModel

MODEL, MARKER = os.environ["CONTRACT_MODEL"], os.environ["CONTRACT_MARKER"]
asked: list[str] = []


@tool
def harbour_tides(port: str) -> str:
    """Tell the tides of a harbour.

    Args:
        port: Name of the port
    """
    asked.append(port)
    return f"High water in {port} at 6 o'clock"


class Harbour(BaseModel):
    """What is known of a harbour."""

    name: str
    berths: int


def agent(*, streaming: bool) -> Agent:
    model = BedrockModel(model_id=MODEL, streaming=streaming, max_tokens=300, temperature=0.1)
    return Agent(
        model=model,
        tools=[harbour_tides],
        system_prompt=f"You know harbours. {MARKER}",
        callback_handler=None,
    )


async def streamed() -> dict:
    pieces, result = [], None
    async for event in agent(streaming=True).stream_async('When are the tides in "Kiel"?'):
        if "data" in event:
            pieces.append(event["data"])
        if "result" in event:
            result = event["result"]
    return {**told(result), "pieces": len(pieces), "streamed": "".join(pieces)}


def told(result) -> dict:
    usage = result.metrics.accumulated_usage
    return {
        "text": str(result).strip(),
        "stop_reason": result.stop_reason,
        "usage": {key: usage[key] for key in ("inputTokens", "outputTokens", "totalTokens")},
    }


def main() -> None:
    plain = agent(streaming=False)('When are the tides in "Wismar"?')
    stream = asyncio.run(streamed())
    form = agent(streaming=True)(
        'The harbour "Rerik" has 12 berths.', structured_output_model=Harbour
    ).structured_output
    told_all = {"plain": told(plain), "stream": stream, "form": form.model_dump(), "asked": asked}
    print(json.dumps(told_all))


main()
