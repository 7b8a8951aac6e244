"""Addresses in a request that somebody would fetch: LiteLLM, from inside the network, or a model's provider.

Images, documents and sounds can be sent themselves. Whoever sends an address instead has the gateway, or a
provider with the gateway's account, fetch what the sender could not. So an address is refused unless its host
is on the list. LiteLLM keeps private addresses out by itself; this does not depend on it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from middleware.intake.errors import AddressRefused

_ADDRESS = re.compile(r"[\x00-\x20]*(?P<scheme>[a-z][a-z0-9+.-]*):[/\\]", re.I)
# members whose value is fetched, or sent to: OpenAI's, Anthropic's, Google's, LiteLLM's
_FETCHED = re.compile(
    r"(?:(?<!redirect_)(?:url|uri)|href|webhook|callback|endpoint|api_?base|proxy|host)s?$|"
    r"^(?:image|mask|video|audio|file|file_?id|file_?data|source|media|input_reference|input_file_?id)s?$|"
    r"^(?:document|data)$",
    re.I,
)
# where an address is only text: what an answer has cited, and what a function takes, gave and was given
_CITED = frozenset(("annotations", "citations", "url_citation", "citation"))
_CITATIONS = frozenset(
    ("url_citation", "web_search_result", "web_search_result_location", "search_result", "search",
     "open_page", "find_in_page")
)  # fmt: skip
_CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use", "function", "function_call"))
_OF_A_FUNCTION = frozenset(
    ("parameters", "input_schema", "json_schema", "schema", "input", "arguments", "args")
)
_SCHEMAS = frozenset(("json_schema", "input_schema"))


class AllowedHosts:
    """The hosts that addresses may name."""

    def __init__(self, hosts: str) -> None:
        """Take a list of names, `*.example.com` for all below one, `*` for all that are public."""
        self._hosts = frozenset(each.strip().lower() for each in hosts.split(",") if each.strip())

    def allow(self, address: str) -> bool:
        """Whether an address may be fetched: over http or https, from a host of the list."""
        try:
            parts = urlsplit(address.strip())
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
            return False
        if host in self._hosts:
            return True
        return not _is_inside(host) and any(
            each == "*" or (each.startswith("*.") and host.endswith(each[1:]))
            for each in self._hosts
        )

    def refuse(self, fields: Any) -> None:
        """Raise `AddressRefused` for decoded JSON that has an address of a host that is not allowed."""
        for place, address in addresses(fields):
            if not self.allow(address):
                raise AddressRefused(
                    f"{place}: nothing is fetched from there. Send the content itself, as a data URL for "
                    "example; hosts that may be fetched from are on a list that an administrator keeps."
                )


def may_have_one(body: bytes) -> bool:
    """Whether a body may have an address; asked of every call, so it costs next to nothing."""
    # `:/` and `:\`, of which each character may be an escape
    return b":/" in body or b":\\" in body or b"\\u00" in body


def addresses(fields: Any) -> Iterator[tuple[str, str]]:
    """Places and values of what would be fetched. Without recursion: how deep JSON is its sender says."""
    left: list[tuple[str, str, Any]] = [("", "", fields)]
    while left:
        place, name, value = left.pop()
        if isinstance(value, str):
            if _FETCHED.search(name) and _is_address(value):
                yield place, value
        elif isinstance(value, list):
            left += [(f"{place}.{index}", name, each) for index, each in enumerate(value)]
        elif isinstance(value, dict):
            left += [
                (f"{place}.{inner}" if place else inner, inner, each)
                for inner, each in value.items()
                if not _is_text(inner, each, value)
            ]


def _is_address(text: str) -> bool:
    """Whether it begins as an address does; one that carries its own data leads nowhere."""
    return _ADDRESS.match(text) is not None


def _is_text(name: str, value: Any, within: dict[str, Any]) -> bool:
    """Whether nobody fetches what is below this member."""
    if name in _CITED or name in _SCHEMAS:
        return True
    if (
        name == "source" and "title" in within
    ):  # a search result, which Converse gives a name and a source
        return isinstance(value, str)
    kind = within.get("type")
    if isinstance(value, dict) and name in _OF_A_FUNCTION:
        return (isinstance(kind, str) and kind in _CALLS) or "name" in within
    return isinstance(value, str) and isinstance(kind, str) and kind in _CITATIONS


def _is_inside(host: str) -> bool:
    """Whether a host is an address or a name that no public server has."""
    if host == "localhost" or host.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # `2130706433`, `0x7f.1` and `127.1` are addresses for some; a public name ends in a word of letters
        return "." not in host or not host.rpartition(".")[2][:1].isalpha()
