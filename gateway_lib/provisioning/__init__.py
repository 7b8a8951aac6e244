"""Users, keys, budgets and limits: a roster compared with a gateway, and the gateway made like it.

::

    target = provisioning.Target.of(Path("roster.yaml"), clients.admin_client())
    plan = target.plan()
    for outcome in provisioning.Applier(target.admin, delivery, base_url).apply(plan): ...
"""

from gateway_lib.provisioning.apply import Applier, Outcome
from gateway_lib.provisioning.calls import Calls
from gateway_lib.provisioning.delivery import Delivery, KeyFile, default_key_file, delivery_to
from gateway_lib.provisioning.figures import spend_against_budget, spend_alt
from gateway_lib.provisioning.plan import Plan, plan
from gateway_lib.provisioning.progress import progress
from gateway_lib.provisioning.reading import read_roster
from gateway_lib.provisioning.spend import spend, wait_for_booking
from gateway_lib.provisioning.tables import (
    check_frame,
    check_table,
    outcome_table,
    plan_table,
    show,
    summary_text,
)
from gateway_lib.provisioning.target import Target
from gateway_lib.provisioning.verify import Check, Verifier
from gateway_lib.provisioning.wanted import wanted_users

__all__ = [
    "Applier",
    "Calls",
    "Check",
    "Delivery",
    "KeyFile",
    "Outcome",
    "Plan",
    "Target",
    "Verifier",
    "check_frame",
    "check_table",
    "default_key_file",
    "delivery_to",
    "outcome_table",
    "plan",
    "plan_table",
    "progress",
    "read_roster",
    "show",
    "spend",
    "spend_against_budget",
    "spend_alt",
    "summary_text",
    "wait_for_booking",
    "wanted_users",
]
