"""Where an address is only text: what an answer has cited, and what a function takes, gave and was given.

Clients send most of these back, in the second turn of a conversation. What the body itself is nobody says by
a `type`: at its top there is only what a provider reads.
"""

from __future__ import annotations

from typing import Any

METADATA = frozenset(("metadata", "litellm_metadata"))
"""A caller's own notes on a call."""
_ALWAYS = frozenset(
    ("annotations", "citations", "url_citation", "citation", "input_examples", "json_schema", "input_schema",
     "responseSchema", "responseJsonSchema", "response_schema", "response_json_schema",
     "parametersJsonSchema", "parameters_json_schema")
)  # fmt: skip
# objects whose texts, and whose `data`, are what somebody has found
_CITATIONS = frozenset(
    ("url_citation", "web_search_result", "web_search_result_location", "web_fetch_result",
     "search_result", "search", "open_page", "find_in_page")
)  # fmt: skip
_CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use", "function", "function_call"))
_FUNCTIONS = frozenset(
    ("function", "functions", "tools", "functionDeclarations", "function_declarations", "functionCall",
     "function_call", "toolUse")
)  # fmt: skip
_OF_A_FUNCTION = frozenset(
    ("parameters", "input_schema", "json_schema", "schema", "input", "arguments", "args")
)
# members by the type of what they are in
_BY_TYPE = frozenset(
    (
        ("json_schema", "schema"),
        ("web_search_call", "action"),
        ("computer_call", "action"),
        ("computer_call", "actions"),
        ("code_interpreter_call", "outputs"),
        ("file_search_call", "results"),
        ("text", "data"),
    )
)
# and by its name
_BY_PARENT = frozenset(
    (
        ("functionResponse", "response"),
        ("function_response", "response"),
        ("content", "json"),
    )
)
_VARIABLES = frozenset(("variables", "prompt_variables"))
_READ = frozenset(("text", "content", "snippet", "title"))
_WHENCE = frozenset(("url", "uri", "source"))
_CALL = ("", "params")


def is_text(name: str, value: Any, within: dict[str, Any], parent: str) -> bool:
    """Whether nobody fetches a value, or what is below it.

    Args:
        name: of the member.
        value: a text, an object or a list.
        within: the object that it is a member of.
        parent: the name that this object has, or the list that it is in; empty for the whole body.
    """
    if name in _ALWAYS or (parent, name) in _BY_PARENT:
        return True
    kind = within.get("type") if parent else None
    if isinstance(kind, str) and (kind, name) in _BY_TYPE:
        return True
    if isinstance(value, dict):
        if name == "arguments" and "name" in within and parent in _CALL:
            return True  # a call of MCP's
        return name in _OF_A_FUNCTION and (
            parent in _FUNCTIONS or (isinstance(kind, str) and kind in _CALLS)
        )
    if not isinstance(value, str):
        return False
    if name == "source" and "title" in within:
        return True  # a search result, which Converse gives a name and a source
    if parent in _VARIABLES or (
        parent == "documents" and name in _WHENCE and not _READ.isdisjoint(within)
    ):
        return True  # what a prompt is filled in with, and whence a text is that is ranked
    return isinstance(kind, str) and kind in _CITATIONS
