"""The load balancer's rules: what AWS allows of them, and what they lead to."""

from __future__ import annotations

from ipaddress import ip_network

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map, Place, Seq, seconds
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import close

PATH = rule("http/path", "The main rule and every additional one has a `path`.")
RULES = rule(
    "http/target-groups",
    "There are at most four `additional_rules`: each rule makes a target group, and an ECS service takes"
    " five.",
)
VALUES = rule(
    "http/condition-values",
    "A rule has at most five values: its path (two, the root one), its aliases and its source addresses."
    " Copilot lets more through, the load balancer does not.",
)
TIMING = rule(
    "http/health-timing",
    "The health check's `timeout` is shorter than its `interval`; interval 5s to 300s, timeout 2s to 120s.",
)
THRESHOLD = rule("http/health-threshold", "Thresholds of health checks are 2 to 10.")
GRACE = rule("http/grace-period", "`grace_period` stands in the main rule's health check only.")
DRAIN = rule("http/deregistration-delay", "`deregistration_delay` is at most 3600s.")
TARGET = rule(
    "http/target",
    "`target_container` is the main container or a sidecar that has a port; `target_port` belongs to a"
    " container.",
)
SAME = rule("http/same-path", "No two rules have the same path and the same alias.")
SOURCE = rule("http/source-ip", "`allowed_source_ips` are networks such as 203.0.113.0/24.")
_MOST_RULES, _MOST_VALUES = 4, 5


def check(context: Context) -> None:
    """Look at the rules of every service in every environment."""
    for view in context.views:
        if not view.is_service:
            continue
        rules = view.rules()
        seen: dict[tuple[str, tuple[str, ...]], int] = {}
        for number, (place, rule_) in enumerate(rules):
            _conditions(context, view, place, rule_, seen)
            _health(context, view, place, rule_, main=number == 0)
            _target(context, view, place, rule_)
        if len(rules) - 1 > _MOST_RULES:
            extra: Place = ("http", "additional_rules", _MOST_RULES)
            problem = f"{len(rules)} rules make {len(rules)} target groups; a service takes five."
            mend = "Join paths with wildcards, or let the middleware do the routing."
            context.report.add(RULES, view.path, view.line(*extra), problem, mend)


def aliases(rule_: Map) -> list[str]:
    """The host names of a rule."""
    found = rule_.get("alias")
    if isinstance(found, str):
        return [found]
    names = [
        one.get("name") if isinstance(one, Map) else one
        for one in (found if isinstance(found, Seq) else [])
    ]
    return [str(name) for name in names if name is not None]


def _conditions(
    context: Context,
    view: View,
    place: Place,
    rule_: Map,
    seen: dict[tuple[str, tuple[str, ...]], int],
) -> None:
    report, line = context.report, view.line(*place)
    path = rule_.get("path")
    if not isinstance(path, str) or not path:
        problem = "This rule has no path."
        report.add(PATH, view.path, line, problem, "Write `path: /`, or the path it is for.")
        return
    given = rule_.get("allowed_source_ips")
    hosts, sources = aliases(rule_), given if isinstance(given, Seq) else Seq()
    values = (1 if path == "/" else 2) + len(hosts) + len(sources)
    if values > _MOST_VALUES:
        where = "alias" if hosts else "allowed_source_ips"
        problem = f"This rule needs {values} values; a rule of the load balancer takes five."
        mend = "Name fewer aliases or addresses, or let WAF judge the addresses."
        report.add(VALUES, view.path, view.line(*place, where), problem, mend)
    key = ("/" + path.strip("/"), tuple(sorted(hosts)))
    if key in seen:
        problem = (
            f"The rule in line {seen[key]} has the same path and alias; one of them never matches."
        )
        report.add(SAME, view.path, view.line(*place, "path"), problem, "Give it another path.")
    seen.setdefault(key, view.line(*place, "path"))
    for number, source in enumerate(sources):
        try:
            ip_network(str(source))
        except ValueError:
            at = view.line(*place, "allowed_source_ips", number)
            problem = f"`{source}` is no network."
            report.add(SOURCE, view.path, at, problem, "Write one such as 203.0.113.0/24.")
    delay = seconds(rule_.get("deregistration_delay"))
    if delay is not None and delay > 3600:
        at = view.line(*place, "deregistration_delay")
        problem = "A target is drained for an hour at most."
        report.add(DRAIN, view.path, at, problem, "Write 3600s or less.")


def _health(context: Context, view: View, place: Place, rule_: Map, *, main: bool) -> None:
    health = rule_.get("healthcheck")
    if not isinstance(health, Map):
        return
    report, at = context.report, (*place, "healthcheck")
    interval, timeout = seconds(health.get("interval")), seconds(health.get("timeout"))
    slow = (interval if interval is not None else 30.0) <= (timeout if timeout is not None else 5.0)
    off = (interval is not None and not 5 <= interval <= 300) or (
        timeout is not None and not 2 <= timeout <= 120
    )
    if slow or off:
        which = "timeout" if "timeout" in health else "interval"
        problem = "The load balancer refuses this pair of interval and timeout."
        mend = "Write an interval of 5s to 300s and a shorter timeout of 2s to 120s."
        report.add(TIMING, view.path, view.line(*at, which), problem, mend)
    for name in ("healthy_threshold", "unhealthy_threshold"):
        number = health.get(name)
        if isinstance(number, int) and not 2 <= number <= 10:
            problem = f"`{name}: {number}` is not taken."
            report.add(THRESHOLD, view.path, view.line(*at, name), problem, "Write 2 to 10.", name)
    if "grace_period" in health and not main:
        problem = "Only the main rule has a grace period; Copilot refuses it here."
        mend = "Move it into `http.healthcheck`; it is one for the whole service."
        report.add(GRACE, view.path, view.line(*at, "grace_period"), problem, mend)


def _target(context: Context, view: View, place: Place, rule_: Map) -> None:
    ports = {name: container.get("port") for name, _, container in view.containers()}
    name, port = rule_.get("target_container"), rule_.get("target_port")
    if isinstance(name, str) and name not in ports:
        problem = f"There is no container `{name}`{close(name, ports)}."
        mend = f"Write one of {', '.join(sorted(ports))}."
        line = view.line(*place, "target_container")
        context.report.add(TARGET, view.path, line, problem, mend)
    elif isinstance(name, str) and ports[name] is None and port is None:
        problem = f"Container `{name}` has no port, so nothing can be sent to it."
        line = view.line(*place, "target_container")
        context.report.add(TARGET, view.path, line, problem, "Give it one with `port:`.")
    elif isinstance(name, str) and port is not None:
        others = {other for other, its in ports.items() if its == port and other != name}
        if others:
            problem = f"Port {port} is that of `{others.pop()}`, not of `{name}`."
            line = view.line(*place, "target_port")
            context.report.add(TARGET, view.path, line, problem, f"Write {ports[name]}.")
