"""A Converse request as the body of a chat completion.

Pure: the request has been checked against AWS's model, the route is known. What cannot be carried is
refused here, so that nothing is left out in silence.
"""

from __future__ import annotations

from typing import Any

import orjson

from middleware.bedrock import additional
from middleware.bedrock.errors import ValidationException
from middleware.bedrock.messages import cache_control, chat_messages, system_message
from middleware.catalogue import Catalogue, Route
from middleware.guardrails.wish import refuse_config
from middleware.json_object import UNCACHED

Body = dict[str, Any]


def chat_body(
    request: dict[str, Any],
    route: Route,
    catalogue: Catalogue,
    *,
    stream: bool,
    continues: bool = False,
) -> Body:
    """Translate a request.

    Args:
        request: the JSON body of Converse or ConverseStream, already checked.
        route: where its model's calls may end up.
        catalogue: for the guardrails that LiteLLM applies by name.
        stream: ask for a stream, with its usage.
        continues: its messages go on with a conversation that is kept, so they may begin anywhere.

    Raises:
        ValidationException: something in it cannot be honoured.
    """
    body: Body = {
        "model": route.model,
        "messages": [
            *system_message(request.get("system") or [], route),
            *chat_messages(_messages(request, continues), route),
        ],
    }
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    _inference(body, request.get("inferenceConfig") or {})
    if tools := request.get("toolConfig"):
        _tools(body, tools)
    if guardrail := request.get("guardrailConfig"):
        _guardrail(body, guardrail, route, catalogue)
    if output := request.get("outputConfig"):
        _output(body, output)
    _tier(body, request, route)
    if metadata := request.get("requestMetadata"):
        body["metadata"] = {"request_metadata": metadata}
    for path in request.get("additionalModelResponseFieldPaths") or ():
        if not path.startswith("/"):
            raise ValidationException(
                f"additionalModelResponseFieldPaths: {path!r} is not a JSON pointer; it must start with '/'."
            )
    if fields := request.get("additionalModelRequestFields"):
        additional.merge(body, fields)
    if "guardrailConfig" in body:
        # an answer that another policy let through must not be taken from the response cache
        body["cache"] = dict(UNCACHED)
    return body


def _messages(request: dict[str, Any], continues: bool) -> list[dict[str, Any]]:
    if request.get("promptVariables"):
        raise ValidationException(
            "promptVariables belong to a prompt: the modelId must be a prompt's ARN."
        )
    messages: list[dict[str, Any]] = request.get("messages") or []
    if not messages:
        raise ValidationException("A conversation must start with a user message.")
    if messages[0]["role"] == "assistant" and not continues:
        raise ValidationException(
            "A conversation must start with a user message. Try again with one."
        )
    return messages


def _inference(body: Body, config: dict[str, Any]) -> None:
    names = (
        ("maxTokens", "max_tokens"),
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("stopSequences", "stop"),
    )
    for ours, theirs in names:
        value = config.get(ours)
        if value is not None and value != []:
            body[theirs] = value


def _tools(body: Body, config: dict[str, Any]) -> None:
    tools: list[dict[str, Any]] = []
    for index, tool in enumerate(config["tools"]):
        path = f"toolConfig.tools.{index}"
        if "toolSpec" in tool:
            tools.append(_function(tool["toolSpec"], f"{path}.toolSpec"))
        elif "cachePoint" in tool and tools:
            tools[-1]["cache_control"] = cache_control(tool["cachePoint"])
        else:
            raise ValidationException(
                f"{path} cannot be honoured: only tools of the caller's own are served."
            )
    body["tools"] = tools
    choice = config.get("toolChoice") or {}
    if "auto" in choice:
        body["tool_choice"] = "auto"
    elif "any" in choice:
        body["tool_choice"] = "required"
    elif "tool" in choice:
        name = choice["tool"]["name"]
        if name not in {tool["function"]["name"] for tool in tools}:
            raise ValidationException(
                f"toolConfig.toolChoice.tool.name: there is no tool {name!r}."
            )
        body["tool_choice"] = {"type": "function", "function": {"name": name}}


def _function(spec: dict[str, Any], path: str) -> dict[str, Any]:
    schema = spec["inputSchema"].get("json")
    if not isinstance(schema, dict):
        raise ValidationException(f"{path}.inputSchema.json must be a JSON schema, an object.")
    function = {"name": spec["name"], "parameters": schema}
    for name in ("description", "strict"):
        if spec.get(name) is not None:
            function[name] = spec[name]
    return {"type": "function", "function": function}


def _guardrail(body: Body, config: dict[str, Any], route: Route, catalogue: Catalogue) -> None:
    """Bedrock's own where every deployment is Bedrock's, else LiteLLM's of the same id; never neither."""
    identifier, version = config.get("guardrailIdentifier"), config.get("guardrailVersion")
    if not identifier:
        return
    if not version:
        raise ValidationException(
            "guardrailConfig.guardrailVersion is needed with guardrailIdentifier."
        )
    given = {key: value for key, value in config.items() if value is not None}
    if reason := refuse_config(given, catalogue.guardrail_configs(route.model) or ()):
        raise ValidationException(reason)
    if route.bedrock_only:
        body["guardrailConfig"] = given
        return
    known = catalogue.guardrail(identifier, version)
    if known is None:
        raise ValidationException(
            f"guardrailConfig cannot be honoured: model {route.model!r} can be served by a provider other "
            f"than Bedrock, and the gateway has no guardrail {identifier!r} in version {version!r}."
        )
    if config.get("trace", "disabled") != "disabled":
        raise ValidationException(
            "guardrailConfig.trace is given for models that only Bedrock serves."
        )
    body["guardrails"] = [known.name]


def _output(body: Body, config: dict[str, Any]) -> None:
    if effort := config.get("effort"):
        body["reasoning_effort"] = effort
    if (text := config.get("textFormat")) is None:
        return
    definition = text["structure"]["jsonSchema"]
    try:
        schema = orjson.loads(definition["schema"])
    except orjson.JSONDecodeError:
        schema = None
    if not isinstance(schema, dict):
        where = "outputConfig.textFormat.structure.jsonSchema.schema"
        raise ValidationException(f"{where} must be the text of a JSON schema, an object.")
    format_: dict[str, Any] = {
        "name": definition.get("name") or "answer",
        "schema": schema,
        "strict": True,
    }
    if definition.get("description"):
        format_["description"] = definition["description"]
    body["response_format"] = {"type": "json_schema", "json_schema": format_}


def _tier(body: Body, request: dict[str, Any], route: Route) -> None:
    tier = (request.get("serviceTier") or {}).get("type")
    if tier == "reserved":
        raise ValidationException(
            "serviceTier 'reserved' cannot be honoured: a chat completion has no such tier."
        )
    if tier is not None:
        body["service_tier"] = tier
    latency = (request.get("performanceConfig") or {}).get("latency")
    if latency == "optimized":
        if not route.bedrock_only:
            raise ValidationException(
                "performanceConfig.latency 'optimized' is for models that only Bedrock serves."
            )
        body["performanceConfig"] = {"latency": latency}
