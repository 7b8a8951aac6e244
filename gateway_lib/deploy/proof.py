"""The proof after a deployment: real calls that show that it does what it must.

A user of its own is made for it, with a budget of a cent, and deleted at the end. The calls cost a fraction
of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from gateway_lib.clients import AdminClient, bedrock_client, gateway_health, openai_client
from gateway_lib.deploy.check import Check, failed, ok, unknown
from gateway_lib.errors import GatewayError, GatewayUnreachable
from gateway_lib.settings import Settings

MODEL = "amazon.nova-lite-v1:0"
"""What the proof calls when nothing else is named: cheap, and on AWS it needs no provider's key."""
_BUDGET_USD = 0.01
_NOTHING_USD = 1e-9
_LOG_SECONDS = 90.0
_PAUSE_SECONDS = 3.0
_QUESTION = "Answer with one word: what colour is the sky on a clear day?"


@dataclass(frozen=True)
class LogBucket:
    """Where LiteLLM writes its log of calls."""

    name: str
    newest: Callable[[float], str | None]
    """The key of an object written at or after a time, if there is one."""


@dataclass(frozen=True)
class Proof:
    """What to call, and what to hold the answers against.

    Attributes:
        settings: The gateway, with the administrator's key.
        config_hash: Of the committed configuration.
        model: What to call.
        bucket: Where the log of calls goes; None where there is none to look into.
        wait_s: How long the gateway may take to become ready (DNS, the first start).
    """

    settings: Settings
    config_hash: str
    model: str = MODEL
    bucket: LogBucket | None = None
    wait_s: float = 0.0

    def run(self, report: Callable[[Check], None] = lambda check: None) -> list[Check]:
        """Do all of it; what follows from what failed is not tried."""
        checks: list[Check] = []
        for check in self._checks():
            checks.append(check)
            report(check)
        return checks

    def _checks(self) -> Iterator[Check]:
        began = time.time()
        health, check = self._health()
        yield check
        if health is None:
            return
        yield self._configuration(str(health.get("config_hash") or ""))
        if self.settings.master_key is None:
            yield unknown("calls", "not made", "set GATEWAY_MASTER_KEY, the administrator's key")
            return
        with AdminClient(self.settings) as admin:
            try:
                with _user(admin, max_budget=_BUDGET_USD) as key:
                    yield self._openai(key)
                    yield self._bedrock(key)
                limit = {self.model: {"budget_limit": _NOTHING_USD, "time_period": "1d"}}
                with _user(admin, model_max_budget=limit) as key:
                    yield self._budget(key)
            except GatewayUnreachable as error:
                yield failed("a user for the proof", str(error), "look at the service's log")
        yield self._logs(began)

    def _health(self) -> tuple[dict[str, Any] | None, Check]:
        name, deadline = "health", time.monotonic() + self.wait_s
        while True:
            try:
                health = gateway_health(self.settings)
            except GatewayUnreachable as error:
                if time.monotonic() >= deadline:
                    mend = "does DOMAIN_NAME point at the load balancer? `copilot svc status` and"
                    return None, failed(
                        name, str(error), f"{mend} `copilot svc logs` show the rest"
                    )
                time.sleep(min(_PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))
            else:
                version = health.get("litellm_version")
                words = f"ready, LiteLLM {version}" if version else "ready"
                return health, ok(name, words)

    def _configuration(self, running: str) -> Check:
        name = "configuration"
        if not running:
            return unknown(
                name, "the service does not say which it runs", "set MIDDLEWARE_CONFIG_HASH"
            )
        if running != self.config_hash:
            words = f"{running[:12]} runs, {self.config_hash[:12]} is committed"
            return failed(
                name, words, "deploy the service again: `gateway deploy --target ... --yes`"
            )
        return ok(name, f"{running[:12]} runs, as committed")

    def _openai(self, key: str) -> Check:
        name = "OpenAI interface"
        import openai

        try:
            with openai_client(self.settings.as_user(key), max_retries=0) as client:
                answer = client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": "user", "content": _QUESTION}],
                    max_tokens=8,
                )
        except openai.OpenAIError as error:
            return failed(name, _line(error), self._mend())
        usage = answer.usage
        spent = (
            f"{usage.prompt_tokens} and {usage.completion_tokens} tokens" if usage else "no usage"
        )
        return ok(name, f"{self.model} answered, {spent}")

    def _bedrock(self, key: str) -> Check:
        name = "Bedrock interface"
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = bedrock_client(self.settings.as_user(key)).converse(
                modelId=self.model,
                messages=[{"role": "user", "content": [{"text": _QUESTION}]}],
                inferenceConfig={"maxTokens": 8},
            )
        except (BotoCoreError, ClientError) as error:
            return failed(name, _line(error), self._mend())
        usage = answer["usage"]
        words = f"{usage['inputTokens']} and {usage['outputTokens']} tokens"
        return ok(name, f"{self.model} answered, {words}")

    def _budget(self, key: str) -> Check:
        """A user whose budget no call fits into must be refused, for that reason."""
        name = "budget"
        import openai

        try:
            with openai_client(self.settings.as_user(key), max_retries=0) as client:
                client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": "user", "content": _QUESTION}],
                    max_tokens=8,
                )
        except openai.APIStatusError as error:
            if "budget_exceeded" in f"{error.code} {error}":
                return ok(
                    name, f"a call beyond it is refused: HTTP {error.status_code}, {error.code}"
                )
            return failed(name, f"refused for another reason: {_line(error)}", self._mend())
        except openai.OpenAIError as error:
            return failed(name, _line(error), self._mend())
        return failed(name, "a call beyond it was answered", "look at the middleware's log")

    def _logs(self, began: float) -> Check:
        name = "log of calls"
        if self.bucket is None:
            return unknown(name, "no bucket to look into here", "", needed=False)
        deadline = time.monotonic() + _LOG_SECONDS
        while True:
            try:
                found = self.bucket.newest(began)
            except GatewayError as error:
                return unknown(
                    name, str(error), "allow s3:ListBucket of the log bucket", needed=False
                )
            if found:
                return ok(name, f"s3://{self.bucket.name}/{found}")
            if time.monotonic() > deadline:
                words = f"nothing in s3://{self.bucket.name} after {_LOG_SECONDS:.0f} s"
                return failed(name, words, "does the task role have s3:PutObject on the bucket?")
            time.sleep(_PAUSE_SECONDS)

    def _mend(self) -> str:
        return f"may the account call {self.model}? `copilot svc logs` shows LiteLLM's answer"


@contextmanager
def _user(admin: AdminClient, **limits: Any) -> Iterator[str]:
    """The key of a user that is there for as long as the context."""
    made = admin.post("/user/new", user_role="internal_user", key_alias=None, **limits)
    try:
        yield str(made["key"])
    finally:
        with suppress(GatewayUnreachable):
            admin.post("/user/delete", user_ids=[made["user_id"]])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
