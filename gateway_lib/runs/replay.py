"""A run done again from its manifest: the same notebook with the same parameters."""

from __future__ import annotations

from gateway_lib.errors import RunError
from gateway_lib.runs.parameters import refuse_secrets, refuse_unknown
from gateway_lib.runs.plan import Plan, find_notebook, plan_notebook
from gateway_lib.runs.provenance import file_sha256, git_state, lock_sha256
from gateway_lib.runs.redaction import MARK, Redactor
from gateway_lib.runs.registry import Entry

SPEC = "spec.yaml"
"""What a run of `gateway bench` was asked for, in its folder."""


def replay_plan(entry: Entry, redactor: Redactor) -> Plan:
    """Plan of a run's notebook with every value it ran with, defaults of then included.

    Raises:
        RunError: The run has no parameters to replay, one was redacted, or the notebook is gone.
        UnknownParameter: The notebook no longer has one of them.
        ParameterTypeError: A value is no longer of the parameter's type.
    """
    manifest = entry.manifest
    values = manifest.parameters.effective
    if manifest.status == "interactive":
        raise RunError(f"{manifest.id} was done by hand: nobody recorded its parameters")
    spec = entry.folder / SPEC
    if spec.is_file():
        raise RunError(
            f"{manifest.id} is no notebook's: do it again with `gateway bench run {spec}`"
        )
    blanked = [name for name, value in values.items() if MARK in str(value)]
    if blanked:
        raise RunError(f"{manifest.id}: its parameter {', '.join(blanked)} was redacted")
    plan = plan_notebook(find_notebook(manifest.notebook))
    refuse_unknown(list(values), plan.known, manifest.notebook)
    refuse_secrets(values, redactor)
    passed = {name: plan.known[name].check(value) for name, value in values.items()}
    return Plan(plan.notebook, plan.known, passed, replay_of=manifest.id)


def differences(entry: Entry, plan: Plan) -> list[str]:
    """What is no longer as it was when the run was done, each in a few words."""
    manifest, found = entry.manifest, []
    if manifest.notebook_sha256 != file_sha256(plan.notebook):
        found.append(f"notebook {plan.notebook.name} has changed")
    if manifest.lock_sha256 != lock_sha256():
        found.append("requirements.lock has changed")
    git = git_state()
    if manifest.git.commit != git.commit:
        was = manifest.git.commit
        found.append(f"the commit was {was[:9]}" if was else "the commit was not known")
    elif git.dirty or manifest.git.dirty:
        found.append("there are or were uncommitted changes")
    return found
