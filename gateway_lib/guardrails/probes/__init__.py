"""Fail-open probes: does a live gateway let a call pass without the guardrail it should have?

Each probe makes the calls of one kind of bypass and says whether it is closed or open, with evidence that
holds no text. Probes that have to break a guardrail's service need the local stack's simulator.
"""

from gateway_lib.guardrails.probes.asking import CLOSED as CLOSED
from gateway_lib.guardrails.probes.asking import OPEN as OPEN
from gateway_lib.guardrails.probes.asking import UNTRIED as UNTRIED
from gateway_lib.guardrails.probes.asking import Probed as Probed
from gateway_lib.guardrails.probes.asking import Target as Target
from gateway_lib.guardrails.probes.running import PROBES as PROBES
from gateway_lib.guardrails.probes.running import probe as probe
