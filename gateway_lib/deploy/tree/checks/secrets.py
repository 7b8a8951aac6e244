"""Secrets: that they are there, that they reach the container that needs them, and that ECS may read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map, get, keys, walk, written
from gateway_lib.deploy.tree.rule import rule

EMPTY = rule(
    "secret/from-cfn-empty", "`from_cfn` names an export; Copilot takes an empty one silently."
)
FORM = rule(
    "secret/form",
    "A secret is the name or ARN of a parameter, or exactly one of `from_cfn` and `secretsmanager`.",
)
REACH = rule(
    "secret/not-in-sidecar",
    "What the command or health check of a sidecar takes from its environment stands in the sidecar's own"
    " `variables` or `secrets`: those at the top of the manifest reach the main container only.",
)
TWICE = rule(
    "secret/also-variable",
    "No name of a container is both among its `variables` and its `secrets`.",
)
TAGS = rule(
    "secret/tags",
    "A secret or parameter that an addon makes has the tags `copilot-application` and `copilot-environment`;"
    " Copilot's execution role reads no other.",
)
MANAGED = rule(
    "secret/managed-password",
    "A database does not make its own secret (`ManageMasterUserPassword`): it lacks Copilot's tags.",
)
UNTAGGED = rule(
    "secret/by-name",
    "A secret that a manifest names itself is made by an addon or by `copilot secret init`; only so has it"
    " Copilot's tags.",
)
_SHELL = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)\}?")
_TAGGED = ("AWS::SecretsManager::Secret", "AWS::SSM::Parameter")
_KEYS = {"copilot-application": "App", "copilot-environment": "Env"}
_OURS = re.compile(r"/copilot/|\$\{COPILOT_APPLICATION_NAME\}|\$\{COPILOT_ENVIRONMENT_NAME\}")


def check(context: Context) -> None:
    """Look at the secrets of every container, and at those that addons make."""
    for view in context.views:
        _forms(context, view)
        for place in _holders(view):
            both = set(keys(view.get(*place, "variables"))) & set(keys(view.get(*place, "secrets")))
            for name in sorted(both):
                problem = f"`{name}` is a variable and a secret; ECS refuses it."
                line = view.line(*place, "variables", name)
                mend = "Keep it below `secrets`."
                context.report.add(TWICE, view.path, line, problem, mend, name)
        if view.is_service:
            _reach(context, view)
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    for addons in folders:
        for name, body, path, _ in addons.entries("Resources") if addons else ():
            _tags(context, name, body, path)


def _holders(view: View) -> list[tuple[str, ...]]:
    return [() if place == ("image",) else place for _, place, _ in view.containers()]


def _forms(context: Context, view: View) -> None:
    for place, value, line in walk(view.manifest):
        if place and place[-1] == "from_cfn" and not (isinstance(value, str) and value.strip()):
            problem = f"`{written(place)}` is empty."
            mend = "Write `${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-<Name>`."
            context.report.add(EMPTY, view.path, line, problem, mend)
    for holder in _holders(view):
        secrets = view.get(*holder, "secrets")
        for name, value in secrets.items() if isinstance(secrets, Map) else ():
            line = view.line(*holder, "secrets", name)
            if isinstance(value, Map) and len(set(value) & {"from_cfn", "secretsmanager"}) != 1:
                problem = f"Secret `{name}` says not, or twice, where it is."
                mend = "Write either `from_cfn` or `secretsmanager`."
                context.report.add(FORM, view.path, line, problem, mend)
                continue
            raw = get(view.written, *holder, "secrets", name)
            own = raw if isinstance(raw, str) else get(raw, "secretsmanager")
            if isinstance(own, str) and own and not _OURS.search(own):
                problem = f"Secret `{name}` was made by hand, as far as its name says; without Copilot's tags"
                problem += " the task does not start."
                mend = "Make it with an addon and name its export with from_cfn."
                context.report.add(UNTAGGED, view.path, line, problem, mend)


def _reach(context: Context, view: View) -> None:
    top = {*keys(view.get("variables")), *keys(view.get("secrets"))}
    for _, place, section in view.containers():
        if place == ("image",):
            continue
        own = {*keys(section.get("variables")), *keys(section.get("secrets"))}
        for key in ("command", "entrypoint", "healthcheck"):
            for name in sorted(set(_names(section.get(key))) & top - own):
                problem = f"`{place[-1]}` uses {name}, which only the main container gets."
                mend = f"Repeat it below `{written(place)}`."
                line = view.line(*place, key)
                context.report.add(REACH, view.path, line, problem, mend, name)


def _names(value: object) -> Iterator[str]:
    for _, text, _ in walk(value):
        yield from _SHELL.findall(text) if isinstance(text, str) else ()


def _tags(context: Context, name: str, body: object, path: Path) -> None:
    at, kind = path, get(body, "Type")
    properties = get(body, "Properties")
    line = body.line_of("Type") if isinstance(body, Map) else 0
    if get(properties, "ManageMasterUserPassword") is True and isinstance(properties, Map):
        problem = f"`{name}` has RDS make its secret, which gets no tags of Copilot's."
        mend = "Make an AWS::SecretsManager::Secret and resolve it in MasterUserPassword."
        where = properties.line_of("ManageMasterUserPassword")
        context.report.add(MANAGED, at, where, problem, mend)
    if kind not in _TAGGED or not isinstance(properties, Map):
        return
    tags = properties.get("Tags")
    if kind == "AWS::SSM::Parameter":
        found = dict(tags) if isinstance(tags, Map) else {}
    else:
        items = [tag for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, Map)]
        found = {str(tag.get("Key")): tag.get("Value") for tag in items}
    for key, parameter in _KEYS.items():
        if found.get(key) != {"Ref": parameter}:
            problem = (
                f"`{name}` has no tag `{key}` with `!Ref {parameter}`; the task may not read it."
            )
            mend = f"Add {{Key: {key}, Value: !Ref {parameter}}} to its Tags."
            where = properties.line_of("Tags") if "Tags" in properties else line
            context.report.add(TAGS, at, where, problem, mend, f"{name} {key}")
