"""GetPrompt of ``bedrock-agent``, for requests that are signed as AWS wants them."""

from urllib.parse import unquote

import orjson
from starlette.requests import Request

from gateway_lib.simulator import converse_answers, sigv4
from gateway_lib.simulator.delivery import Whole
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.prompts import PromptName, get_prompt


def prompt_id(request: Request) -> str:
    """The id of the prompt in the path, for the journal and for faults."""
    return _identifier(request).rpartition("/")[2].partition(":")[0]


class PromptWire:
    """The operation; an id alone means a prompt of the region that the request is signed for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, request: Request, entry: Entry) -> Whole:
        settings = self._engine.settings
        signer = sigv4.verify(request, settings.aws_credentials, "bedrock")
        name = PromptName.parse(_identifier(request))
        sigv4.check_region(signer, name.region or signer.region)
        valid = await self._engine.wait(entry, self._engine.strike(entry.model))
        version = request.query_params.get("promptVersion")
        answer = get_prompt(settings.prompts, name, version, signer.region)
        reply = Whole(orjson.dumps(answer), headers={"x-amzn-RequestId": entry.response_id})
        return reply if valid else converse_answers.half(reply)


def _identifier(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    return unquote(raw.decode().partition("/prompts/")[2].rstrip("/"))
