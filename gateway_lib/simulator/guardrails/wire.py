"""ApplyGuardrail's answers, and the traces of Converse."""

from typing import Any

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.guardrails.policy import Guardrail
from gateway_lib.simulator.guardrails.rules import Source
from gateway_lib.simulator.guardrails.verdict import Verdict, coverage, usage

_SOURCE, _QUERY, _GUARDED = "grounding_source", "query", "guard_content"


def apply(guardrail: Guardrail, body: Json, latency_ms: int = 1) -> Json:
    """The body of an ``ApplyGuardrail`` response to a body of text blocks.

    Blocks qualified as a grounding source or as a query are what an answer is compared with, and are not
    checked themselves.
    """
    source: Source = body["source"]
    blocks = [block["text"] for block in body["content"]]
    by_qualifier = {
        name: " ".join(b["text"] for b in blocks if name in (b.get("qualifiers") or ()))
        for name in (_SOURCE, _QUERY)
    }
    texts = [block["text"] for block in blocks if _is_guarded(block)]
    verdicts = [
        guardrail.assess(
            text, source, grounded_on=by_qualifier[_SOURCE], query=by_qualifier[_QUERY]
        )
        for text in texts
    ]
    full = body.get("outputScope") == "FULL"
    intervened = [verdict for verdict in verdicts if verdict.intervened]
    blocked = next((verdict for verdict in verdicts if verdict.blocked), None)
    outputs: list[Json] = []
    if blocked:
        outputs = [{"text": blocked.output}]
    elif intervened:
        outputs = [{"text": verdict.output} for verdict in verdicts]
    shown = verdicts if full else (intervened or verdicts[:1])
    grounded = any(verdict.grounding for verdict in verdicts)
    return {
        "usage": usage(guardrail, texts, grounded=grounded),
        "action": "GUARDRAIL_INTERVENED" if intervened else "NONE",
        "actionReason": reason(verdicts),
        "outputs": outputs,
        "assessments": [each.assessment(full=full, latency_ms=latency_ms) for each in shown],
        "guardrailCoverage": coverage(texts),
    }


def reason(verdicts: list[Verdict]) -> str:
    """AWS's sentence for what was done."""
    if any(verdict.blocked for verdict in verdicts):
        return "Guardrail blocked."
    return "Guardrail masked." if any(verdict.intervened for verdict in verdicts) else "No action."


def trace(
    guardrail: Guardrail, config: Json, incoming: tuple[Verdict, ...], outgoing: Verdict | None
) -> Json:
    """The ``trace`` of a Converse answer; empty where the caller did not ask for one."""
    asked = config.get("trace", "disabled")
    if asked == "disabled":
        return {}
    full = asked == "enabled_full"
    built: dict[str, Any] = {}
    verdicts = [*incoming, *([outgoing] if outgoing else [])]
    shown = next((each for each in incoming if each.intervened), None)
    if shown is None and incoming:
        shown = incoming[-1]
    if shown:
        built["inputAssessment"] = {guardrail.id: shown.assessment(full=full)}
    if outgoing:
        built["modelOutput"] = [outgoing.text]
        built["outputAssessments"] = {guardrail.id: [outgoing.assessment(full=full)]}
    if any(verdict.intervened for verdict in verdicts):
        built["actionReason"] = reason(verdicts)
    return {"guardrail": built}


def _is_guarded(block: Json) -> bool:
    qualifiers = block.get("qualifiers") or ()
    return _GUARDED in qualifiers or not {_SOURCE, _QUERY} & set(qualifiers)
