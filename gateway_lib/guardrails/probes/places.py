"""Probes of where the text stands: said earlier, in a prompt, a tool's result, a document, in a disguise."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from gateway_lib.guardrails.probes.asking import UNTRIED, Asker, Probed, judged

_GO_ON = {"role": "user", "content": "echo: go on"}
_TOOL = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}},
}


def history(ask: Asker) -> Probed:
    """The text was said in an earlier turn of a conversation that the gateway keeps."""
    name = "history"
    begun = ask.chat(enable_history=True)
    session = begun.body.get("session_id") if isinstance(begun.body, dict) else None
    if not session:
        return Probed(name, UNTRIED, f"no conversation is kept: {begun.evidence}")
    return judged(name, ask.chat([_GO_ON], session_id=session, **ask.named), by_guardrail=True)


def managed_prompt(ask: Asker) -> Probed:
    """The text is the value of a managed prompt's variable."""
    name, arn = "managed_prompt", ask.target.prompt_arn
    if not arn or not ask.target.prompt_variables:
        return Probed(name, UNTRIED, "no managed prompt is known")
    values = {each: {"text": ask.target.blocked} for each in ask.target.prompt_variables}
    over_chat = {"model": arn, "promptVariables": values, **ask.named}
    path = f"/bedrock/model/{quote(arn, safe='')}/converse"
    over_bedrock = {"promptVariables": values, "guardrailConfig": ask.config}
    return judged(name, ask.post("/v1/chat/completions", over_chat), ask.post(path, over_bedrock))


def system_text(ask: Asker) -> Probed:
    """The text stands in the system message."""
    return judged(
        "system_text",
        ask.chat([{"role": "system", "content": ask.target.blocked}, _GO_ON], **ask.named),
        by_guardrail=True,
    )


def tool_result(ask: Asker) -> Probed:
    """The text is what a tool gave back."""
    call = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    turns: list[dict[str, Any]] = [
        _GO_ON,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": ask.text},
    ]
    return judged("tool_result", ask.chat(turns, tools=[_TOOL], **ask.named), by_guardrail=True)


def document(ask: Asker) -> Probed:
    """The text stands in a document."""
    encoded = base64.b64encode(ask.target.blocked.encode()).decode()
    file = {"filename": "note.txt", "file_data": f"data:text/plain;base64,{encoded}"}
    parts = [{"type": "file", "file": file}, {"type": "text", "text": "echo: read it"}]
    return judged(
        "document", ask.chat([{"role": "user", "content": parts}], **ask.named), by_guardrail=True
    )


def encoded(ask: Asker) -> Probed:
    """The text is written in base64."""
    written = base64.b64encode(ask.target.blocked.encode()).decode()
    return judged(
        "encoded", ask.chat(f"echo: {written} {ask.nonce}", **ask.named), by_guardrail=True
    )


def other_paths(ask: Asker) -> Probed:
    """The call goes over another path than that of chat completions."""
    model = {"model": ask.target.model, **ask.named}
    messages = [{"role": "user", "content": ask.text}]
    return judged(
        "other_paths",
        ask.post("/v1/completions", {"prompt": ask.text, **model}),
        ask.post("/v1/responses", {"input": ask.text, **model}),
        ask.post("/v1/messages", {"messages": messages, "max_tokens": 64, **model}),
        by_guardrail=True,
    )


def tool_arguments(ask: Asker) -> Probed:
    """The text is an argument of a tool that the model calls, and so not in the text of its answer."""
    name, text = "tool_arguments", ask.target.withheld
    if not text:
        return Probed(name, UNTRIED, "no text is known that is blocked in answers only")
    asked = f'call: lookup {{"query": "{text} {ask.nonce}"}}'
    return judged(name, ask.chat(asked, tools=[_TOOL], **ask.named), by_guardrail=True)


def cached_answer(ask: Asker) -> Probed:
    """The answer was kept in the response cache when nobody guarded it."""
    name, text = "cached_answer", ask.target.withheld
    if not text:
        return Probed(name, UNTRIED, "no text is known that is blocked in answers only")
    asked = f"echo: {text} {ask.nonce}"
    ask.chat(asked, enable_history=False)
    ask.converse(asked)
    return judged(
        name,
        ask.chat(asked, enable_history=False, **ask.named),
        ask.converse(asked, guardrailConfig=ask.config),
        by_guardrail=True,
    )
