"""Keeping secrets out of run folders.

A run folder is meant to be shown to others, and an executed notebook holds whatever a cell printed.
A `Redactor` knows the secrets of the environment by value and the usual kinds of keys by pattern.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

MARK = "[redacted]"

_SECRET_NAME = re.compile(
    r"KEY$|_KEY_|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL", re.IGNORECASE
)
_PLACE_NAME = re.compile(r"(_FILE|_PATH|_DIR|_URL|_URI|_ARN|_NAME)$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:([^\s/@]+)@", re.IGNORECASE)
_PATTERNS = (
    r"(?<![\w-])sk-[\w-]{10,}",
    r"(?<![\w-])(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)",
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*",
    r"(?i:(?<=\bbearer )[\w.~+/=-]{12,})",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)
_REST = r"[\w.~+/=%-]*"
_SHORTEST = 6
_PREFIX = 16
_BINARY_MIMES = ("image/png", "image/jpeg", "application/pdf")


def known_secrets(environment: Mapping[str, str]) -> frozenset[str]:
    """Values of an environment that no file may hold.

    Variables named like a key, token, secret or password, and passwords inside URLs. Names of
    places (`..._FILE`, `..._URL`) and values shorter than 6 characters do not count.
    """
    found: set[str] = set()
    for name, value in environment.items():
        for password in _URL_PASSWORD.findall(value):
            found |= {password, unquote(password)}
        if _SECRET_NAME.search(name) and not _PLACE_NAME.search(name) and not _is_path(value):
            found.add(value.strip())
    return frozenset(v for v in found if len(v) >= _SHORTEST and v.lower() != "[redacted]")


def _is_path(value: str) -> bool:
    return value.startswith("/") and len(value) < 1024 and Path(value).exists()


def _spellings(secret: str) -> set[str]:
    """How a secret may be written: plain, escaped for HTML, URL or JSON, in basic auth."""
    return {
        secret,
        html.escape(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
    }


def _expression(spelling: str) -> str:
    # Displays cut long values, and half a key is still too much: sixteen characters identify it.
    if len(spelling) < _PREFIX + 8:
        return re.escape(spelling)
    return re.escape(spelling[:_PREFIX]) + _REST


@dataclass(frozen=True)
class Redactor:
    """Finds and blanks secrets in text, JSON values, notebooks and bytes."""

    secrets: frozenset[str]

    def __post_init__(self) -> None:
        spellings = sorted({s for v in self.secrets for s in _spellings(v)}, key=len, reverse=True)
        known = "|".join(map(_expression, spellings)) or r"(?!)"
        patterns = "|".join(_PATTERNS)
        object.__setattr__(self, "_known", re.compile(known))
        object.__setattr__(self, "_any", re.compile(f"{known}|{patterns}"))
        object.__setattr__(self, "_bytes", re.compile(f"{known}|{patterns}".encode()))

    def text(self, text: str) -> str:
        """The text with every secret replaced by `[redacted]`."""
        expression: re.Pattern[str] = self._any  # type: ignore[attr-defined]
        return _URL_PASSWORD.sub(_blank_password, expression.sub(MARK, text))

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def notebook(self, document: str) -> str:
        """The text of an .ipynb file with every string in it redacted, images left alone."""
        return json.dumps(self._node(json.loads(document)), indent=1, ensure_ascii=False) + "\n"

    def holds_known(self, text: str) -> bool:
        """Whether the text holds a secret of the environment."""
        expression: re.Pattern[str] = self._known  # type: ignore[attr-defined]
        return expression.search(text) is not None

    def holds(self, content: str | bytes) -> bool:
        """Whether text or bytes hold a secret of the environment or something like a key."""
        if isinstance(content, str):
            return self.text(content) != content
        expression: re.Pattern[bytes] = self._bytes  # type: ignore[attr-defined]
        return expression.search(content) is not None

    def _node(self, node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: item if key in _BINARY_MIMES else self._node(item)
                for key, item in node.items()
            }
        if isinstance(node, list):
            # nbformat stores a text as a list of lines; a secret may span several.
            if all(isinstance(item, str) for item in node) and any("\n" in i for i in node[:-1]):
                return self.text("".join(node)).splitlines(keepends=True)
            return [self._node(item) for item in node]
        return self.text(node) if isinstance(node, str) else node


def _blank_password(match: re.Match[str]) -> str:
    return match.group(0).replace(f":{match.group(1)}@", f":{MARK}@")


def redactor(environment: Mapping[str, str], also: Iterable[str] = ()) -> Redactor:
    """Redactor for the secrets of an environment and some more values."""
    return Redactor(known_secrets(environment) | frozenset(v for v in also if len(v) >= _SHORTEST))
