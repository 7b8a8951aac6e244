"""What a managed prompt says: its variants as they are configured, and as AWS gives them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict

_CACHE_POINT: Json = {"cachePoint": {"type": "default"}}


class PromptMessage(Strict):
    """One message of a CHAT template; a cache point stands after its text."""

    role: Literal["user", "assistant"]
    text: str = Field(min_length=1)
    cache_point: bool = False

    def as_aws(self) -> Json:
        return {"role": self.role, "content": _blocks(self.text, self.cache_point)}


class PromptTool(Strict):
    """A tool of a CHAT template; `schema` is the JSON schema of its input."""

    name: str
    description: str
    input_schema: Json = Field(alias="schema")

    def as_aws(self) -> Json:
        inner = {"json": self.input_schema}
        spec = {"name": self.name, "description": self.description, "inputSchema": inner}
        return {"toolSpec": spec}


class PromptVariant(Strict):
    """A template. TEXT has `text`; CHAT has `messages`, and perhaps `system` and tools.

    `model` is whatever the prompt is bound to, an id or an ARN; `agent` binds it to an agent.
    """

    name: str = "default"
    template: Literal["TEXT", "CHAT"]
    text: str | None = None
    cache_point: bool = False
    system: str | None = None
    system_cache_point: bool = False
    messages: tuple[PromptMessage, ...] = ()
    tools: tuple[PromptTool, ...] = ()
    tool_choice: Json | None = None
    variables: tuple[str, ...] = ()
    model: str | None = None
    agent: str | None = None
    inference: dict[str, float | int | tuple[str, ...]] = Field(default_factory=dict)
    additional: Json | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_template(self) -> Self:
        is_text = self.template == "TEXT"
        if is_text != (self.text is not None) or is_text == bool(self.messages):
            raise ValueError("a TEXT prompt has text, a CHAT prompt has messages")
        if is_text and (self.system is not None or self.tools):
            raise ValueError("a TEXT prompt has no system text and no tools")
        return self

    def as_aws(self) -> Json:
        """The variant as a ``PromptVariant`` of the Bedrock API."""
        template = self._text() if self.template == "TEXT" else self._chat()
        template["inputVariables"] = [{"name": name} for name in self.variables]
        built: Json = {
            "name": self.name,
            "templateType": self.template,
            "templateConfiguration": {self.template.lower(): template},
        }
        if self.model is not None:
            built["modelId"] = self.model
        if self.agent is not None:
            built["genAiResource"] = {"agent": {"agentIdentifier": self.agent}}
        if self.inference:
            built["inferenceConfiguration"] = {"text": dict(self.inference)}
        if self.additional is not None:
            built["additionalModelRequestFields"] = self.additional
        if self.metadata:
            built["metadata"] = [{"key": k, "value": v} for k, v in self.metadata.items()]
        return built

    def _text(self) -> Json:
        point = _CACHE_POINT if self.cache_point else {}
        return {"text": self.text, **point}

    def _chat(self) -> Json:
        chat: Json = {"messages": [message.as_aws() for message in self.messages]}
        if self.system is not None:
            chat["system"] = _blocks(self.system, self.system_cache_point)
        if self.tools:
            chat["toolConfiguration"] = {"tools": [tool.as_aws() for tool in self.tools]}
            if self.tool_choice is not None:
                chat["toolConfiguration"]["toolChoice"] = self.tool_choice
        return chat


def _blocks(text: str, cache_point: bool) -> list[Json]:
    return [{"text": text}, *([_CACHE_POINT] if cache_point else [])]
