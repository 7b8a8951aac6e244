"""What a probe asks with, and how it reads whether a guardrail has had its say."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import httpx

from gateway_lib import clients
from gateway_lib.errors import ChecksUnusable
from gateway_lib.settings import Settings

State = Literal["closed", "open", "untried"]
CLOSED: State = "closed"
OPEN: State = "open"
UNTRIED: State = "untried"
_CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed.

    Attributes:
        guardrail: Name of the gateway's, which blocks `blocked`.
        blocked: A text that the guardrail blocks wherever it is asked.
        withheld: A text that it blocks in answers only; empty leaves out the probes of answers.
        model: Model that repeats what follows `echo: `, or any other: then what is blocked counts.
        bedrock_model: Model that only Bedrock serves.
        identifier: The guardrail's id in Bedrock.
        version: Its version there.
        simulator: URL of the local stack's simulator, to break the guardrail's service with; or empty.
        prompt_arn: Managed prompt with a variable, to hide the text in; or empty.
    """

    guardrail: str = "grworkbench1"
    blocked: str = "forbidden-word"
    withheld: str = "sexually explicit"
    model: str = "gpt-4o-mini"
    bedrock_model: str = "amazon.nova-lite-v1:0"
    identifier: str = "grworkbench1"
    version: str = "1"
    simulator: str = ""
    prompt_arn: str = ""
    prompt_variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found: `evidence` has statuses and names, and no text."""

    probe: str
    state: State
    evidence: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What came back for one call."""

    status: int
    body: Any
    text: str
    headers: httpx.Headers

    @property
    def has_passed(self) -> bool:
        """Whether the call was served and no guardrail intervened."""
        return self.status == 200 and not self.has_intervened

    @property
    def has_intervened(self) -> bool:
        """Whether a guardrail did: by an error, or in the place of the answer."""
        marks = (
            '"content_filter"',
            '"guardrail":',
            "guardrail_intervened",
            "Violated guardrail policy",
        )
        return any(mark in self.text for mark in marks)

    @property
    def evidence(self) -> str:
        """Status, and the code or the reason of an answer."""
        body = self.body if isinstance(self.body, dict) else {}
        error = body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        code = code or self.headers.get("x-amzn-errortype") or body.get("stopReason")
        warned = self.headers.get("x-guardrail-warning")
        told = [f"HTTP {self.status}", str(code or ""), f"warning: {warned}" if warned else ""]
        return ", ".join(part for part in told if part)


@dataclass
class Asker:
    """Calls the gateway as an ordinary user, and as the administrator where one is known."""

    target: Target
    settings: Settings
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))

    def __post_init__(self) -> None:
        self.http = clients.http_client(self.settings, self.settings.user_key())
        master = self.settings.master_key
        self.master = master.get_secret_value() if master else ""

    @property
    def text(self) -> str:
        """The blocked text as a question, the same in no two runs."""
        return f"echo: {self.target.blocked} {self.nonce}"

    @property
    def named(self) -> dict[str, Any]:
        return {"guardrails": [self.target.guardrail]}

    @property
    def config(self) -> dict[str, str]:
        return {
            "guardrailIdentifier": self.target.identifier,
            "guardrailVersion": self.target.version,
        }

    def chat(self, text: Any = None, path: str = _CHAT, **fields: Any) -> Said:
        """A chat completion; `text` may be a list of messages."""
        messages = text if isinstance(text, list) else [_user(text or self.text)]
        body = {"model": self.target.model, "messages": messages, **fields}
        return self.post(path, body)

    def converse(self, text: str | None = None, model: str = "", **fields: Any) -> Said:
        """A Converse request."""
        message = {"role": "user", "content": [{"text": text or self.text}]}
        where = quote(model or self.target.bedrock_model, safe="")
        return self.post(f"/bedrock/model/{where}/converse", {"messages": [message], **fields})

    def post(self, path: str, body: Any, key: str = "") -> Said:
        """A POST of JSON.

        Raises:
            ChecksUnusable: The gateway does not answer.
        """
        return self._ask("POST", path, key, body)

    def get(self, path: str, key: str = "") -> Said:
        """A GET. Raises `ChecksUnusable`."""
        return self._ask("GET", path, key)

    def _ask(self, method: str, path: str, key: str, body: Any = None) -> Said:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            answer = self.http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ChecksUnusable(f"the gateway does not answer: {type(error).__name__}") from error
        try:
            read = answer.json()
        except ValueError:
            read = None
        return Said(answer.status_code, read, answer.text, answer.headers)

    @contextmanager
    def broken(self, **fault: Any) -> Iterator[None]:
        """The guardrail's service with a fault of the simulator's."""
        url = f"{self.target.simulator}/control/faults"
        with httpx.Client(timeout=10, trust_env=False) as http:
            http.put(url, json=[{"match": self.target.identifier, **fault}]).raise_for_status()
            try:
                yield
            finally:
                http.delete(url)


def judged(name: str, *answers: Said, by_guardrail: bool = False) -> Probed:
    """Open where any of the calls has passed, with its evidence.

    Args:
        name: The probe's.
        answers: To its calls.
        by_guardrail: Whether only a guardrail's own word closes it: a call that was refused for another
            reason has tried nothing.
    """
    passed = [answer for answer in answers if answer.has_passed]
    told = passed or list(answers)
    evidence = "; ".join(dict.fromkeys(answer.evidence for answer in told))
    if passed:
        return Probed(name, OPEN, evidence)
    tried = not by_guardrail or all(answer.has_intervened for answer in answers)
    return Probed(name, CLOSED if tried else UNTRIED, evidence)


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
