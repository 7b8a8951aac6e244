"""What the simulator's policy makes of a case: the truth that a guardrail run has to find.

Worked out from the policy alone. What is blind in it leaks, what is too wide in it is a false alarm, and
what a way of checking never shows it is a bypass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gateway_lib.guardrails.suite import Case, Suite, load_suite
from gateway_lib.simulator.guardrails import Guardrail
from gateway_lib.simulator.settings import DEFAULT_CONFIG, load_settings
from gateway_lib.simulator.tokens import count

ECHO = "echo: "
PROSE = " and so on" * 10
"""What the model adds to a tool's result: harmless, and longer than what leaks of any stream."""


@cache
def policy(version: str = "1") -> Guardrail:
    """The simulator's guardrail as it is configured."""
    known = load_settings(DEFAULT_CONFIG).guardrails
    return next(one for one in known if (one.id, one.version) == ("grworkbench1", version))


@dataclass(frozen=True)
class Planted:
    """What comes of a case: an outcome, and tokens that leak from a stream before it is stopped."""

    outcome: str
    leaked: int = 0


def planted(
    case: Case,
    suite: Suite,
    guardrail: Guardrail,
    mode: str,
    interface: str,
    *,
    last_only: bool = False,
) -> Planted:
    """The truth for a streamed call.

    Args:
        case: What is said.
        suite: Of the case.
        guardrail: The policy.
        mode: `named` for one that LiteLLM applies before and after the call, `sync` and `async` for Bedrock's
            own guardrailConfig.
        interface: `openai` or `bedrock`.
        last_only: Only the last question is shown to the policy: with guardrailConfig LiteLLM marks it, and
            nothing else, as what is to be guarded.
    """
    seen = _seen(case, suite, mode, interface)
    seen = seen[-1:] if last_only and case.place in ("history", "split") else seen
    if any(guardrail.assess(text, "INPUT").blocked for text in seen):
        return Planted("block")
    unmasked = _answer(case, suite)
    known = case.place == "user" or case.text in seen
    answer = guardrail.masked(unmasked) if known else unmasked
    verdict = guardrail.assess(answer, "OUTPUT")
    if verdict.blocked:
        leaked = min(guardrail.async_lag_tokens, count(answer)) if mode == "async" else 0
        return Planted("block", leaked)
    answer = answer if mode == "async" else guardrail.masked(answer)
    if case.secrets:
        came = any(secret in answer for secret in case.secrets)
        return Planted("allow" if came else "mask")
    return Planted("mask" if answer != unmasked else "allow")


def truth(mode: str, interface: str) -> dict[str, Planted]:
    """What comes of each case of the starting suite through the gateway."""
    suite, guardrail = load_suite("starting"), policy()
    return {
        case.id: planted(case, suite, guardrail, mode, interface, last_only=mode != "named")
        for case in suite.cases
    }


def _seen(case: Case, suite: Suite, mode: str, interface: str) -> list[str]:
    """The texts that the policy is shown."""
    last = ECHO + case.texts[-1] if case.place in ("user", "split") else case.ask or suite.neutral
    if case.place in ("user", "split", "history"):
        return [*case.texts[: None if case.place == "history" else -1], last]
    shown = mode == "named" and (case.place != "document" or interface == "bedrock")
    return [last, *case.texts] if shown else [last]


def _answer(case: Case, suite: Suite) -> str:
    """What the model says."""
    if case.place in ("user", "split"):
        return case.texts[-1]
    if case.place == "tool_result":
        return f"The tool returned {case.text.strip()}.{PROSE}"
    if case.ask:
        thing = case.ask.removeprefix("What is my ").rstrip("?")
        return f"Your {thing} is {case.secrets[0]}."
    return suite.neutral.removeprefix(ECHO)
