"""Bedrock's managed prompts, read side.

The middleware resolves prompt ARNs with ``bedrock-agent`` GetPrompt; these are the prompts it
finds. A prompt has numbered versions and a DRAFT, which is what GetPrompt returns when no version
is asked for.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict
from gateway_lib.simulator.refusals import Reason, Refusal, invalid

ACCOUNT = "123456789012"
REGION = "us-east-1"


class PromptMessage(Strict):
    """One message of a CHAT template."""

    role: Literal["user", "assistant"]
    text: str = Field(min_length=1)


class PromptVersion(Strict):
    """A version's template. TEXT has `text`, CHAT has `messages` and perhaps `system`."""

    template: Literal["TEXT", "CHAT"]
    text: str | None = None
    system: str | None = None
    messages: tuple[PromptMessage, ...] = ()
    variables: tuple[str, ...] = ()
    model: str | None = None
    inference: dict[str, float | int | tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_template(self) -> Self:
        is_text = self.template == "TEXT"
        if is_text != (self.text is not None) or is_text == bool(self.messages):
            raise ValueError("a TEXT prompt has text, a CHAT prompt has messages")
        if is_text and self.system is not None:
            raise ValueError("a TEXT prompt has no system text")
        return self

    def variant(self) -> Json:
        """The version as a ``PromptVariant`` of the Bedrock API."""
        variables = [{"name": name} for name in self.variables]
        if self.template == "TEXT":
            configuration: Json = {"text": {"text": self.text, "inputVariables": variables}}
        else:
            chat: Json = {
                "messages": [
                    {"role": m.role, "content": [{"text": m.text}]} for m in self.messages
                ],
                "inputVariables": variables,
            }
            if self.system is not None:
                chat["system"] = [{"text": self.system}]
            configuration = {"chat": chat}
        built: Json = {
            "name": "default",
            "templateType": self.template,
            "templateConfiguration": configuration,
        }
        if self.model is not None:
            built["modelId"] = self.model
        if self.inference:
            built["inferenceConfiguration"] = {"text": dict(self.inference)}
        return built


class Prompt(Strict):
    """A prompt with all its versions, ``DRAFT`` among them."""

    id: str = Field(pattern=r"^[0-9a-zA-Z]{10}$")
    name: str = Field(pattern=r"^([0-9a-zA-Z][_-]?){1,100}$")
    description: str = ""
    versions: dict[str, PromptVersion]

    @model_validator(mode="after")
    def _has_draft(self) -> Self:
        if "DRAFT" not in self.versions:
            raise ValueError("a prompt needs a DRAFT version")
        return self

    @property
    def arn(self) -> str:
        return f"arn:aws:bedrock:{REGION}:{ACCOUNT}:prompt/{self.id}"


def get_prompt(prompts: tuple[Prompt, ...], identifier: str, version: str | None) -> Json:
    """Return the body of a GetPrompt response.

    Args:
        prompts: The prompts that exist.
        identifier: Id or ARN; an ARN may end with ``:VERSION``.
        version: The query parameter; wins over the ARN's version.

    Raises:
        Refusal: No such prompt or version, or an identifier that is neither id nor ARN.
    """
    name, _, in_arn = identifier.rpartition("prompt/")[2].partition(":")
    if not identifier.startswith("arn:") and identifier != name:
        raise invalid(f"Invalid prompt identifier: {identifier}")
    prompt = next((p for p in prompts if p.id == name), None)
    if prompt is None:
        raise Refusal(Reason.NOT_FOUND, f"Could not find resource Prompt with identifier: {name}.")
    wanted = version or in_arn or "DRAFT"
    if wanted not in prompt.versions:
        raise Refusal(
            Reason.NOT_FOUND, f"Could not find version {wanted} of Prompt with identifier: {name}."
        )
    return {
        "name": prompt.name,
        "description": prompt.description,
        "defaultVariant": "default",
        "variants": [prompt.versions[wanted].variant()],
        "id": prompt.id,
        "arn": prompt.arn if wanted == "DRAFT" else f"{prompt.arn}:{wanted}",
        "version": wanted,
        "createdAt": "2025-01-15T09:00:00Z",
        "updatedAt": "2025-01-15T09:00:00Z",
    }
