"""The other end: what the simulated providers are told to do, and what they received."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

NEWEST = 40
"""How far back to look: bodies with pictures are large."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived at a provider."""

    wire: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    outcome: str

    @property
    def text(self) -> str:
        """The body as JSON text, to look for what must not have got lost."""
        return json.dumps(self.body, ensure_ascii=False)

    def holds(self, content: bytes) -> bool:
        """Whether an attachment arrived byte for byte."""
        return base64.b64encode(content).decode() in self.text


class Provider:
    """The simulator's control API."""

    def __init__(self, http: httpx.Client, url: str) -> None:
        self._http = http
        self._url = f"{url}/control"

    def fail(self, model: str, kind: str, **more: Any) -> None:
        """Let requests for the models that match fail from now on; see the simulator's faults."""
        faults = [*self._ask("GET", "faults"), {"match": model, "kind": kind, **more}]
        self._ask(
            "PUT", "faults", [{k: v for k, v in f.items() if k != "remaining"} for f in faults]
        )

    def heal(self) -> None:
        """No more faults."""
        self._ask("DELETE", "faults")

    def hurry(self, model: str) -> dict[str, Any]:
        """Let a model answer without delay; returns its profile, for `restore`."""
        profile = self._ask("GET", f"profiles/{model}")
        at_once = {"ttft_ms": {"constant": 1}, "itl_ms": {"constant": 0}}
        self._ask("PUT", f"profiles/{model}", at_once)
        return dict(profile)

    def restore(self, model: str, profile: dict[str, Any]) -> None:
        """Give a model its former profile."""
        self._ask("PUT", f"profiles/{model}", profile)

    def received(self, marker: str) -> list[Received]:
        """The finished requests whose bodies hold this marker, oldest first."""
        keys = ("wire", "body", "headers", "outcome")
        return [
            Received(*(entry[key] for key in keys))
            for entry in self._ask("GET", f"received?limit={NEWEST}")
            if marker in json.dumps(entry["body"], ensure_ascii=False)
        ]

    def only(self, marker: str) -> Received:
        """The one request with this marker: nothing was asked twice, nothing never."""
        found = self.received(marker)
        assert len(found) == 1, f"{len(found)} requests with {marker} arrived"
        return found[0]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, f"{self._url}/{path}", json=body)
        assert response.is_success, f"{method} {path}: {response.text}"
        return response.json()
