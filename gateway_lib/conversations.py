"""Conversations that the gateway keeps, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from gateway_lib.clients import GatewayClient

_READABLE: Any = {"text-align": "left", "white-space": "pre-wrap", "vertical-align": "top"}
_HEADINGS: Any = {"selector": "th", "props": [("text-align", "left")]}


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said in a session, and what each turn took."""

    session_id: str
    messages: tuple[dict[str, Any], ...]
    turns: tuple[dict[str, Any], ...]

    def transcript(self) -> pd.DataFrame:
        """A row per message: `role` and `text`, what is no text named by its type."""
        rows = [(message["role"], _text(message)) for message in self.messages]
        return pd.DataFrame(rows, columns=["role", "text"])

    def accounts(self) -> pd.DataFrame:
        """A row per turn: interface, model, tokens in and out, `cost_usd`, `complete`."""
        return pd.DataFrame([_account(turn) for turn in self.turns])

    def shown(self) -> Styler:
        """The transcript to read: whole texts, from left to right."""
        styler = self.transcript().style.hide(axis="index")
        return styler.set_properties(**_READABLE).set_table_styles([_HEADINGS])


def conversation(client: GatewayClient, session_id: str) -> Conversation:
    """The conversation with that id, all pages of it.

    Raises:
        GatewayUnreachable: it is not there, or not this key's.
    """
    messages: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = client.post("/chat-history", session_id=session_id, after=after)
        messages += page["messages"]
        turns += page["turns"]
        after = page["next"]
    return Conversation(session_id, tuple(messages), tuple(turns))


def _account(turn: dict[str, Any]) -> dict[str, Any]:
    usage = turn["usage"] or {}
    return {
        "interface": turn["interface"],
        "model": turn["model"],
        "tokens_in": usage.get("prompt_tokens"),
        "tokens_out": usage.get("completion_tokens"),
        "cost_usd": turn["cost"],
        "complete": turn["complete"],
    }


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    told = [part.get("text") or f"[{part.get('type')}]" for part in parts]
    told += [f"[calls {call['function']['name']}]" for call in message.get("tool_calls") or ()]
    return "\n".join(told)
