"""A prompt's ARN in the place of a model: the prompt becomes the messages of a chat completion."""

from __future__ import annotations

from middleware.bedrock.request import chat_body
from middleware.catalogue import Catalogue, Route
from middleware.chat.request import ChatRequest
from middleware.errors import InvalidRequest
from middleware.prompts.arn import PromptArn
from middleware.prompts.prompts import Prompts


async def prompted(request: ChatRequest, prompts: Prompts, catalogue: Catalogue) -> Route:
    """Put the prompt that a request names in the place of its messages, and say what serves its model.

    The caller's parameters stay; where they are the prompt's as well, they count.

    Raises:
        ServiceError: the prompt cannot be had, or the variables are not its own.
    """
    model = request.model if isinstance(request.model, str) else ""
    arn = PromptArn.parse(model)
    if arn is None:
        if request.variables is not None:
            raise InvalidRequest(
                "promptVariables belong to a prompt: the model must be a prompt's ARN."
            )
        route = catalogue.route(model)
        if route.model != model:
            request.serve_by(route.model)
        return route
    rendered = await prompts.request(arn, request.variables)
    route = catalogue.route(rendered.model_id)
    request.take(chat_body(rendered.converse, route, catalogue, stream=False))
    return route
