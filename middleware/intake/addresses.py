"""Addresses in a request that somebody would fetch: LiteLLM, from inside the network, or a model's provider.

Images, documents and sounds can be sent themselves. Whoever sends an address instead has the gateway, or a
provider with the gateway's account, fetch what the sender could not. So an address is refused unless its host
is on the list. LiteLLM keeps private addresses out by itself; this does not depend on it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from middleware.intake.errors import AddressRefused, TooManyMembers
from middleware.intake.texts import METADATA, is_text

_ADDRESS = re.compile(r"[\x00-\x20]*(?P<scheme>[a-z][a-z0-9+.-]*):[/\\]", re.I)
# members whose value is fetched, or sent to: OpenAI's, Anthropic's, Google's, LiteLLM's
_FETCHED = re.compile(
    r"(?:(?<!redirect_)(?:url|uri)|href|webhook|callback|endpoint|api_?base|proxy|host)s?$|"
    r"^(?:image|mask|video|audio|file|file_?id|file_?data|source|media|input_reference|input_file_?id)s?$|"
    r"^(?:document|data)$",
    re.I,
)
# of a caller's own notes on a call, what LiteLLM's loggers send to
_SENT_TO = re.compile(r"webhook|callback|(?:host|endpoint|api_?base|base_?url|proxy)s?$", re.I)
_LONGEST_NAME, _LONGEST_PLACE = 64, 200
MOST_MEMBERS = 200_000
"""Members of objects and lists that are looked at; numbers in a list count for a sixteenth."""
MOST_CONTAINERS = 1_000_000
"""Brackets that open something, in a body that is decoded."""

# what a value is in: the same of the container above, and a name or an index
Trail = tuple[Any, str | int] | None


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
        """Refuse decoded JSON that has an address of a host that is not allowed.

        Raises:
            AddressRefused: it has one.
            TooManyMembers: it has more members than are looked at.
        """
        for trail, address in addresses(fields):
            if not self.allow(address):
                raise AddressRefused(
                    f"{place(trail)}: nothing is fetched from there. Send the content itself, as a data URL "
                    "for example; hosts that may be fetched from are on a list that an administrator keeps."
                )


def may_have_one(body: bytes) -> bool:
    """Whether JSON may have an address; asked of every call, so it costs next to nothing."""
    # `:/` and `:\`, which begins an escape, too; a colon that is one itself; UTF-16, which some readers take.
    # A single byte is found ten times as fast as two, and many bodies do not have it.
    if b"/" in body and b":/" in body:
        return True
    if b"\\" in body and (b":\\" in body or b"\\u003a" in body or b"\\u003A" in body):
        return True
    return b"\0" in body[:4]


def refuse_crowded(body: bytes) -> None:
    """Refuse what would be more objects and lists than are held. Raises `TooManyMembers`."""
    if len(body) > MOST_CONTAINERS and body.count(b"{") + body.count(b"[") > MOST_CONTAINERS:
        raise TooManyMembers


def addresses(fields: Any) -> Iterator[tuple[Trail, str]]:
    """Where there is what would be fetched, and the address. How deep JSON is its sender says: no recursion.

    Raises:
        TooManyMembers: there is more than is looked at.
    """
    # containers, with the name that they or the lists that they are in have, and whether they are notes
    left: list[tuple[Trail, str, bool, Any]] = [(None, "", False, fields)]
    most = MOST_MEMBERS
    while left:
        trail, name, noted, value = left.pop()
        is_fetched = _is_fetched(name[-_LONGEST_NAME:], noted)
        if isinstance(value, list):
            most -= len(value) if is_fetched else len(value) // 16
            for index, each in enumerate(value):
                if isinstance(each, str):
                    if is_fetched and _ADDRESS.match(each):
                        yield (trail, index), each
                elif isinstance(each, dict | list) and each:
                    most -= 1
                    left.append(((trail, index), name, noted, each))
        elif isinstance(value, dict):
            most -= len(value)
            for inner, each in value.items():
                if isinstance(each, str):
                    # most texts are neither: the cheaper question first
                    if (
                        _is_fetched(inner[-_LONGEST_NAME:], noted)
                        and _ADDRESS.match(each)
                        and not is_text(inner, each, value, name)
                    ):
                        yield (trail, inner), each
                elif (
                    isinstance(each, dict | list) and each and not is_text(inner, each, value, name)
                ):
                    left.append(((trail, inner), inner, noted or inner in METADATA, each))
        if most < 0:
            raise TooManyMembers


@lru_cache(maxsize=1024)
def _is_fetched(name: str, noted: bool) -> bool:
    """Whether what has this name is fetched; of a long name its end says."""
    return (_SENT_TO if noted else _FETCHED).search(name) is not None


def place(trail: Trail) -> str:
    """Where a value is, with dots, and not longer than can be read."""
    names: list[str] = []
    while trail is not None:
        trail, name = trail
        names.append(str(name)[:_LONGEST_NAME])
    return ".".join(reversed(names))[:_LONGEST_PLACE]


def _is_inside(host: str) -> bool:
    """Whether a host is an address or a name that no public server has."""
    if host == "localhost" or host.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # `2130706433`, `0x7f.1` and `127.1` are addresses for some; a public name ends in a word of letters
        return "." not in host or not host.rpartition(".")[2][:1].isalpha()
