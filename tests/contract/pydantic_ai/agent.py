"""A Pydantic AI agent: a tool, structured output, an image, a stream; prints what came of it."""

import asyncio
import json
import os
from pathlib import Path

from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ToolOutput
from pydantic_ai.models.bedrock import BedrockConverseModel

MODEL, MARKER = os.environ["CONTRACT_MODEL"], os.environ["CONTRACT_MARKER"]


class Harbour(BaseModel):
    """What is known of a harbour."""

    name: str
    berths: int


async def main(picture: bytes) -> None:
    model = BedrockConverseModel(MODEL)
    agent = Agent(model, instructions=f"You know harbours. {MARKER}")
    asked: list[str] = []

    @agent.tool_plain
    def harbour_tides(port: str) -> dict:
        """Tell the tides of a harbour."""
        asked.append(port)
        return {"port": port, "high_water": "06:00"}

    answer = await agent.run('When are the tides in "Kiel"?')
    async with agent.run_stream('When are the tides in "Wismar"?') as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
        stream_usage = stream.usage.total_tokens
    form = await Agent(model, output_type=ToolOutput(Harbour, name="harbour")).run(
        f'The harbour "Rerik" has 12 berths. {MARKER}'
    )
    image = BinaryContent(picture, media_type="image/png")
    seen = await Agent(model).run([f"Look: {MARKER}", image])
    told = {
        "answer": answer.output,
        "parts": [part.part_kind for message in answer.all_messages() for part in message.parts],
        "usage": {"requests": answer.usage.requests, "output": answer.usage.output_tokens},
        "streamed": "".join(pieces),
        "pieces": len(pieces),
        "stream_usage": stream_usage,
        "form": form.output.model_dump(),
        "seen": seen.output,
        "asked": asked,
    }
    print(json.dumps(told))


asyncio.run(main(Path(os.environ["CONTRACT_PNG"]).read_bytes()))
