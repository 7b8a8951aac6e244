"""Calls of one model with the real clients, and who answered each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd

from gateway_lib import failures
from gateway_lib.clients import bedrock_client, openai_client
from gateway_lib.errors import ExperimentError
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

Interface = Literal["openai", "bedrock"]
TOGETHER = 8
"""Calls under way at once; boto3 keeps ten connections."""
BROKEN = 0
"""In the place of a status: the answer began well, and its stream ended in an error."""
_TOKENS = 8
_OURS = {"enable_history": False, "cache": {"no-cache": True, "no-store": True}}


@dataclass(frozen=True, slots=True)
class Served:
    """One call: what was asked, and who answered it.

    Attributes:
        model: What the caller named.
        interface: `openai` or `bedrock`.
        streamed: Whether the answer was asked for as a stream.
        status: HTTP status; `BROKEN` where a stream ended in an error.
        deployment: `x-litellm-model-id`, the deployment that answered; empty where none did.
        group: `x-litellm-model-group`, the public name that it answered under.
        fallbacks: `x-litellm-attempted-fallbacks`: how many other deployments or models were gone on to.
        error: What the refusal said, shortened.
    """

    model: str
    interface: Interface
    streamed: bool
    status: int
    deployment: str = ""
    group: str = ""
    fallbacks: int = 0
    error: str = ""


def count(
    model: str,
    calls: int,
    *,
    interface: Interface = "openai",
    streamed: bool = False,
    text: str = "ping",
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Call a model so many times and note who answered.

    No call is retried by the client, kept as a conversation, or answered from the response cache: each is
    one decision of the router's.

    Args:
        model: What is named.
        calls: How many.
        interface: With OpenAI's SDK, or with boto3's Converse.
        streamed: Whether the answers are streams, read to their end.
        text: What is said.
        settings: Of the gateway and the key; those of the process when not given.

    Returns:
        A row per call, in the order they were made, with the columns of `Served`.

    Raises:
        ExperimentError: A call was neither answered nor refused: the gateway does not answer.
    """
    known = settings or process_settings()
    asking = _with_openai if interface == "openai" else _with_boto3
    with asking(known) as ask, ThreadPoolExecutor(TOGETHER) as pool:
        served = list(pool.map(lambda _: ask(model, text, streamed), range(calls)))
    return pd.DataFrame([asdict(one) for one in served], columns=list(Served.__slots__))


Ask = Callable[[str, str, bool], Served]


@contextmanager
def _with_openai(settings: Settings) -> Iterator[Ask]:
    with openai_client(settings, max_retries=0) as client:
        yield partial(_ask_openai, client)


def _ask_openai(client: Any, model: str, text: str, streamed: bool) -> Served:
    import openai

    served = partial(Served, model, "openai", streamed)
    options = {"stream": True} if streamed else {}
    broken: failures.Errors = (openai.APIError, *failures.of_openai().all)
    try:
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": text}],
            max_tokens=_TOKENS,
            extra_body=_OURS,
            **options,
        )
        if streamed:
            with raw.parse() as chunks:
                for _ in chunks:
                    pass
        return served(raw.status_code, **_told(raw.headers))
    except openai.APIStatusError as error:
        return served(error.status_code, **_told(error.response.headers, str(error)))
    except openai.APIConnectionError as error:
        raise ExperimentError(f"{model}: {error}") from None
    except broken as error:  # within a stream
        return served(BROKEN, error=str(error)[:200])


@contextmanager
def _with_boto3(settings: Settings) -> Iterator[Ask]:
    client = bedrock_client(settings, max_retries=0)
    try:
        yield partial(_ask_bedrock, client)
    finally:
        client.close()


def _ask_bedrock(client: Any, model: str, text: str, streamed: bool) -> Served:
    from botocore.exceptions import BotoCoreError, ClientError

    served = partial(Served, model, "bedrock", streamed)
    call = client.converse_stream if streamed else client.converse
    try:
        answer = call(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": text}]}],
            inferenceConfig={"maxTokens": _TOKENS},
            additionalModelRequestFields=_OURS,
        )
        for _ in answer["stream"] if streamed else ():
            pass
        about = answer["ResponseMetadata"]
        return served(about["HTTPStatusCode"], **_told(about["HTTPHeaders"]))
    except ClientError as error:
        response: Any = error.response
        about = response.get("ResponseMetadata") or {}  # there is none within a stream
        told = _told(about.get("HTTPHeaders") or {}, str(error))
        return served(about.get("HTTPStatusCode", BROKEN), **told)
    except BotoCoreError as error:
        raise ExperimentError(f"{model}: {error}") from None
    except failures.of_bedrock().all as error:  # within a stream
        return served(BROKEN, error=str(error)[:200])


def _told(headers: Mapping[str, str], error: str = "") -> dict[str, Any]:
    told = {"fallbacks": int(headers.get("x-litellm-attempted-fallbacks") or 0)}
    if error:
        return {**told, "error": error[:200]}
    return {
        **told,
        "deployment": headers.get("x-litellm-model-id", ""),
        "group": headers.get("x-litellm-model-group", ""),
    }
