"""Guardrails with a known policy: what is blocked and masked, and what slips through, is written in YAML."""

from gateway_lib.simulator.guardrails.policy import Guardrail as Guardrail
from gateway_lib.simulator.guardrails.rules import Source as Source
from gateway_lib.simulator.guardrails.verdict import Outcome as Outcome
from gateway_lib.simulator.guardrails.verdict import Verdict as Verdict
