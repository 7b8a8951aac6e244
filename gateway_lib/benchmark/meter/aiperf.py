"""AIPerf, NVIDIA's load generator, as a second meter: the same requests at the same moments, another client.

It lives in an environment of its own, since its requirements and LiteLLM's exclude each other. What it
wrote is read into the table of records, so that two meters can be compared like two runs. It speaks the
OpenAI interface only, and one model at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from gateway_lib.benchmark.costs.prices import fill_costs
from gateway_lib.benchmark.meter.aiperf_export import read_export
from gateway_lib.benchmark.plan.loads import Closed
from gateway_lib.benchmark.plan.schedule import Plan, plans
from gateway_lib.benchmark.plan.spec import Spec
from gateway_lib.errors import MeterMissing, SpecError
from gateway_lib.settings import PROJECT_ROOT, Settings
from gateway_lib.settings import settings as process_settings

VERSION = "0.13.0"
HOME = PROJECT_ROOT / ".aiperf"
_INSTALL = f"python -m venv .aiperf && .aiperf/bin/pip install aiperf=={VERSION}"
_EXPORT = "profile_export.jsonl"


def found(executable: str | Path | None = None) -> Path:
    """The program: the one named, the project's own in `.aiperf`, or one on the path.

    Raises:
        MeterMissing: There is none; the text says how to install it.
    """
    for place in [executable] if executable else [HOME / "bin" / "aiperf", "aiperf"]:
        if path := shutil.which(str(place)):
            return Path(path)
    raise MeterMissing(f"AIPerf is not installed; it needs an environment of its own: {_INSTALL}")


def measure(
    spec: Spec, settings: Settings | None = None, executable: str | Path | None = None
) -> pd.DataFrame:
    """Let AIPerf measure what a spec says.

    Every request has the prompt and the moment that our own engine would give it.

    Returns:
        Records like those of `run`, whose story names AIPerf as the meter.

    Raises:
        SpecError: AIPerf cannot do this: a closed loop, several loads or models, Bedrock, history.
        MeterMissing: It is not installed, or did not finish.
    """
    program = found(executable)
    plan = _plan(spec)
    known = settings or process_settings()
    with tempfile.TemporaryDirectory(prefix="gateway-aiperf-") as name:
        folder = Path(name)
        config = folder / "config.yaml"
        config.write_text(json.dumps(_config(spec, plan, known.gateway(), folder), indent=1))
        _run([str(program), "profile", "--config", str(config), "--ui", "none"], known, folder)
        frame = read_export(folder / "out" / _EXPORT, spec, plan, known.gateway())
    return fill_costs(frame, known)


def _plan(spec: Spec) -> Plan:
    """The one stage that AIPerf can send.

    Raises:
        SpecError: The spec asks for more.
    """
    refused = {
        "interface: AIPerf speaks openai only": spec.interface != "openai",
        "models: AIPerf takes one at a time": len(spec.models) > 1,
        "load: AIPerf is given one load": len(spec.load) > 1,
        "load: AIPerf is given open loops only": isinstance(spec.load[0], Closed),
        "history: not with AIPerf": spec.history,
        "prompts: AIPerf's have no system prompt": any(
            prompt.system for prompt in spec.prompts.load(spec.seed)
        ),
    }
    for said, wrong in refused.items():
        if wrong:
            raise SpecError(said)
    return plans(spec.with_(shards=1))[0]


def _config(spec: Spec, plan: Plan, base_url: str, folder: Path) -> dict[str, Any]:
    """AIPerf's configuration; the key is named, and taken from the environment."""
    extra: dict[str, Any] = {"max_tokens": spec.max_tokens}
    if spec.temperature is not None:
        extra["temperature"] = spec.temperature
    if spec.target == "gateway":
        extra["enable_history"] = False
        if spec.cache == "bypass":
            extra["cache"] = {"no-cache": True}
    asked = [
        {"timestamp": (planned.due_s or 0.0) * 1000, "text": planned.prompt.text}
        for planned in plan.requests
    ]
    return {
        "schemaVersion": "2.0",
        "randomSeed": spec.seed,
        "benchmark": {
            "model": spec.models[0],
            "endpoint": {
                "url": f"{base_url}/v1/chat/completions",
                "type": "chat",
                "streaming": spec.stream,
                "timeout": spec.timeout_s,
                "apiKey": "${GATEWAY_API_KEY}",
                "useServerTokenCount": True,
                "extra": extra,
            },
            "tokenizer": {"name": "builtin"},
            "dataset": {"type": "file", "format": "single_turn", "records": asked},
            "phases": {"type": "fixed_schedule", "autoOffset": False},
            "artifacts": {
                "dir": str(folder / "out"),
                "summary": ["json"],
                "records": ["jsonl"],
                "trace": True,
            },
        },
    }


def _run(command: list[str], settings: Settings, folder: Path) -> None:
    environment = {
        **os.environ,
        **_vocabulary(),
        "GATEWAY_API_KEY": settings.user_key(),
        "HOME": str(folder),  # it keeps caches there
    }
    if settings.ca_bundle:
        environment["SSL_CERT_FILE"] = str(settings.ca_bundle)
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode or not (folder / "out" / _EXPORT).is_file():
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        last = lines[-1] if lines else "it said nothing"
        raise MeterMissing(f"AIPerf ended with status {done.returncode}: {last[:300]}")


def _vocabulary() -> Mapping[str, str]:
    """AIPerf counts with tiktoken, which would download what LiteLLM's wheel has."""
    litellm = find_spec("litellm")
    if litellm is None or litellm.origin is None:
        return {}
    folder = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
    return {"TIKTOKEN_CACHE_DIR": str(folder)}
