"""The same as `bedrock_converse.py`, with the answer printed as it comes.

python bedrock_stream.py [MODEL] [QUESTION]
"""

from __future__ import annotations

import sys

from bedrock_converse import asked, bedrock_client
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Ask one question; print the pieces of the answer, and what it took on the error stream."""
    try:
        for event in bedrock_client().converse_stream(**asked())["stream"]:
            if delta := event.get("contentBlockDelta"):
                print(delta["delta"].get("text", ""), end="", flush=True)
            elif stop := event.get("messageStop"):
                print()
                print(stop["stopReason"], file=sys.stderr)
            elif metadata := event.get("metadata"):
                usage, latency = metadata["usage"], metadata["metrics"]["latencyMs"]
                tokens = f"{usage['inputTokens']} tokens in, {usage['outputTokens']} out"
                print(f"{tokens}, {latency} ms", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
