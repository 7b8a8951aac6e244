"""A security scan of the merged addons: encryption, access, transport, rights, and what is kept.

What is meant to be as it is says so in the resource: `Metadata: {gateway: {accept: {<rule>: <reason>}}}`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_lib.deploy.tree.checks.policies import policies
from gateway_lib.deploy.tree.checks.scan import CLEAR, REASON, SCAN, Fault, Resource
from gateway_lib.deploy.tree.checks.stores import stores
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.nodes import Map, get, line_at, walk

_PASSWORDS = frozenset({"MasterUserPassword", "AuthToken", "SecretString", "Password", "Passwords"})


def check(context: Context) -> None:
    """Look at every resource of every addon."""
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    for addons in folders:
        if addons is None:
            continue
        for name, body, path, line in addons.entries("Resources"):
            if isinstance(body, Map):
                _scan(context, Resource(name, str(body.get("Type")), body, path, line, addons))
        for name, body, path, line in addons.entries("Parameters"):
            secret = any(word in name.lower() for word in ("password", "secret", "token", "apikey"))
            default = get(body, "Default")
            if secret and isinstance(default, str) and default and not default.startswith("{{"):
                problem = f"Parameter `{name}` has its secret as Default."
                mend = "Remove the Default, add `NoEcho: true`, or use Secrets Manager."
                at = line_at(body, "Default") or line
                context.report.add(CLEAR, path, at, problem, mend)


def _scan(context: Context, resource: Resource) -> None:
    accepted = _accepted(context, resource)
    for fault in _faults(resource):
        broken, line, problem, mend = fault
        if broken.name not in accepted:
            context.report.add(broken, resource.path, line, problem, mend, problem)


def _accepted(context: Context, resource: Resource) -> set[str]:
    given = get(resource.body, "Metadata", "gateway", "accept")
    names = {one.name for one in SCAN}
    accepted = set()
    for name, reason in given.items() if isinstance(given, Map) else ():
        if name in names and isinstance(reason, str) and len(reason.split()) >= 3:
            accepted.add(name)
            continue
        why = "gives no reason" if name in names else "is no rule of the scan"
        problem = f"`{resource.name}` accepts `{name}`, which {why}."
        mend = "Write `<rule>: <why it is right here>`, in three words or more."
        line = line_at(resource.body, "Metadata", "gateway", "accept", name)
        context.report.add(REASON, resource.path, line, problem, mend, name)
    return accepted


def _faults(resource: Resource) -> Iterator[Fault]:
    yield from stores(resource)
    yield from policies(resource)
    yield from _literals(resource)


def _literals(resource: Resource) -> Iterator[Fault]:
    for place, value, line in walk(resource.body.get("Properties")):
        key = str(place[-1]) if place else ""
        text = value.get("Fn::Sub") if isinstance(value, Map) else value
        if (
            key in _PASSWORDS
            and isinstance(text, str)
            and text.strip("{} ")
            and "{{resolve:" not in text
        ):
            problem = f"`{resource.name}` has {key} in clear."
            mend = "Write `{{resolve:secretsmanager:...}}` or GenerateSecretString."
            yield CLEAR, line or resource.line, problem, mend
