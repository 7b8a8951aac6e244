"""Runtimes of the Lambda functions that addons make."""

from __future__ import annotations

from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.lifecycle import lifecycles
from gateway_lib.deploy.tree.nodes import Map, get
from gateway_lib.deploy.tree.rule import rule

ENDED = rule(
    "runtime/ended",
    "The runtime of a Lambda function of an addon is not past its date, beyond which no function can be made"
    " or changed.",
)


def check(context: Context) -> None:
    """Look at every function of every addon."""
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    for addons in folders:
        for name, body, path, _ in addons.entries("Resources") if addons else ():
            runtime, properties = get(body, "Properties", "Runtime"), get(body, "Properties")
            if get(body, "Type") != "AWS::Lambda::Function" or not isinstance(properties, Map):
                continue
            life = lifecycles().get(str(runtime))
            if life and life.ended(context.today):
                problem = f"`{name}` runs on {runtime}, {life.told()}."
                mend = f"Write `Runtime: {life.successor}`."
                line = properties.line_of("Runtime")
                context.report.add(ENDED, path, line, problem, mend)
