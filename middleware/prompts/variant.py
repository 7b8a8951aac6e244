"""A prompt as AWS keeps it, read as a Converse request.

What is an instruction has a place in Converse and is carried, or the prompt is refused by the name of what
cannot be: a prompt that says less than its author wrote is worse than none.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from middleware.bedrock import schema
from middleware.bedrock.errors import ValidationException
from middleware.prompts.errors import PromptUnusable

Json = dict[str, Any]
CARRIED = {
    "": {
        "name",
        "templateType",
        "templateConfiguration",
        "modelId",
        "inferenceConfiguration",
        "metadata",  # for whoever looks for prompts; the model is told nothing of it
        "additionalModelRequestFields",
    },
    "templateConfiguration.text": {"text", "cachePoint", "inputVariables"},
    "templateConfiguration.chat": {"messages", "system", "inputVariables", "toolConfiguration"},
}
"""The members of a variant and of its template that are read. What is within them is Converse's own."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The variant of a prompt that is used: its model, its request, the variables it declares."""

    model_id: str
    converse: Json
    variables: frozenset[str]

    @classmethod
    def of(cls, answer: Any) -> Variant:
        """The default variant in an answer of GetPrompt, or the first.

        Raises:
            PromptUnusable: there is none, or something in it cannot be honoured.
        """
        variant = _members(_default(answer))
        if variant.get("genAiResource") is not None:
            raise PromptUnusable(
                "The prompt is bound to an agent (genAiResource), and this gateway serves prompts that "
                "are bound to a model."
            )
        _known(variant, "", CARRIED[""])
        model_id = variant.get("modelId")
        if not isinstance(model_id, str) or not model_id:
            raise PromptUnusable("The prompt names no model: its variant has no modelId.")
        template, converse = _template(variant)
        if inference := _only(variant, "inferenceConfiguration", "text"):
            converse["inferenceConfig"] = inference
        if (fields := variant.get("additionalModelRequestFields")) is not None:
            converse["additionalModelRequestFields"] = fields
        declared = map(_members, template.get("inputVariables") or ())
        names = frozenset(str(entry["name"]) for entry in declared if entry.get("name"))
        return cls(model_id, _checked(converse), names)


def _default(answer: Any) -> Any:
    prompt = _members(answer)
    variants = prompt.get("variants")
    if not isinstance(variants, list) or not variants:
        raise PromptUnusable("The prompt has no variant.")
    wanted = prompt.get("defaultVariant")
    return next((one for one in variants if _members(one).get("name") == wanted), variants[0])


def _template(variant: Json) -> tuple[Json, Json]:
    """The template, and its part of a Converse request."""
    kind = str(variant.get("templateType"))
    if kind not in ("TEXT", "CHAT"):
        raise PromptUnusable(f"The prompt cannot be honoured: templateType {kind!r} is not known.")
    template = _only(variant, "templateConfiguration", kind.lower())
    path = f"templateConfiguration.{kind.lower()}"
    if not _known(template, path, CARRIED[path]):
        raise PromptUnusable("The prompt has no template.")
    if kind == "TEXT":
        content = [{"text": template.get("text")}]
        if (point := template.get("cachePoint")) is not None:
            content.append({"cachePoint": point})
        return template, {"messages": [{"role": "user", "content": content}]}
    converse = {"messages": template.get("messages") or []}
    if system := template.get("system"):
        converse["system"] = system
    if (tools := template.get("toolConfiguration")) is not None:
        converse["toolConfig"] = tools
    return template, converse


def _only(variant: Json, union: str, name: str) -> Json:
    """What a union in the variant has under `name`, and it may have no other; empty where there is none."""
    outer = _known(_members(variant.get(union) or {}), union, {name})
    return _members(outer.get(name) or {})


def _known(members: Json, path: str, carried: Set[str]) -> Json:
    for name, value in members.items():
        if name not in carried and value is not None:
            where = f"{path}.{name}" if path else name
            raise PromptUnusable(
                f"The prompt cannot be honoured: this gateway has no place for its {where}."
            )
    return members


def _members(value: Any) -> Json:
    if not isinstance(value, dict):
        raise PromptUnusable("The prompt is not in a form that this gateway knows.")
    return value


def _checked(converse: Json) -> Json:
    try:
        schema.request("Converse")(converse, "")
    except ValidationException as error:
        raise PromptUnusable(f"The prompt cannot be honoured. {error.message}") from None
    return converse
