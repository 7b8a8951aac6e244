"""What a page's Python blocks need before they run, what stands for the reader's own, and what holds after."""

# ruff: noqa: E501  -- whole lines of the documentation stand here

from __future__ import annotations

CLIENTS = """
import boto3, openai
client, bedrock = openai.OpenAI(), boto3.client("bedrock-runtime")
messages = [{"role": "user", "content": "What is 17 plus 28?"}]
blocks = [{"role": "user", "content": [{"text": "What is 17 plus 28?"}]}]
"""

EXPERIMENT = """
from gateway_lib import experiments
live, wanted = experiments.Live(), experiments.load("cheaper-model")
live.start(wanted)
"""

MEASURED = """
from gateway_lib import benchmark, clients
spec = benchmark.load_spec("quick").with_(models=["gpt-4o-mini"], load={"kind": "poisson", "rate_rps": 4, "requests": 8})
"""

BEFORE = {
    "docs/bedrock.md": 'import os\nkey = os.environ["GATEWAY_API_KEY"]\n',
    "docs/benchmark.md": "",
    "docs/comparison.md": MEASURED + """
import pathlib, tempfile
from gateway_lib.benchmark.records.table import write
folder = pathlib.Path(tempfile.mkdtemp())
write(benchmark.run(spec), folder / "records.parquet")
""",
    "docs/experiments-api.md": CLIENTS + EXPERIMENT,
    "docs/experiments-routing.md": "from gateway_lib import runs\nrun = runs.current()\n",
    "docs/experiments.md": CLIENTS + EXPERIMENT + """
from gateway_lib import clients
import os
http = clients.http_client(clients.process_settings(), os.environ["GATEWAY_API_KEY"])
asked = client.chat.completions.with_raw_response.create(model="experiment/cheaper-model", user="u-1", messages=messages)
request_id = asked.headers["x-request-id"]
""",
    "docs/history.md": CLIENTS,
    "docs/priority.md": CLIENTS,
    "docs/prompts.md": CLIENTS,
}  # fmt: skip

SUBSTITUTED = {
    "docs/bedrock.md": {"https://gateway.example.com": "{GATEWAY_TLS_URL}"},
    "docs/benchmark.md": {
        "with_(seed=2)": "with_(seed=2, load={'kind': 'poisson', 'rate_rps': 4, 'requests': 12})"
    },
    "docs/experiments-routing.md": {'"try-claude", 200': '"try-claude", 20'},
}

AFTER = {
    "docs/bedrock.md": """
reply = client.converse(modelId="gpt-4o-mini", messages=[{"role": "user", "content": [{"text": "What is 17 plus 28?"}]}])
assert "45" in reply["output"]["message"]["content"][0]["text"]
""",
    "docs/benchmark.md": "assert len(frame) == 12 and frame['ok'].all()\n",
    "docs/comparison.md": "assert books.words() and len(frame) == 8 and not len(books.missing)\n",
    "docs/experiments-api.md": 'live.stop("cheaper-model", "tried")\n',
    "docs/experiments-routing.md": "assert len(served) == 20\n",
    "docs/experiments.md": 'assert len(frame) == 4 and analysis\nlive.stop("cheaper-model", "tried")\n',
    "docs/history.md": """
answer = bedrock.converse(modelId="gpt-4o-mini", additionalModelRequestFields={"session_id": session_id},
    messages=[{"role": "user", "content": [{"text": "What is my name?"}]}])
assert "Ada" in answer["output"]["message"]["content"][0]["text"]
""",
    "docs/priority.md": "",
    "docs/prompts.md": "",
}  # fmt: skip
