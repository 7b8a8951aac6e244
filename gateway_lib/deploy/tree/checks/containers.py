"""Containers: where they come from, what they wait for, and what keeps them alive."""

from __future__ import annotations

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map, seconds
from gateway_lib.deploy.tree.rule import rule
from gateway_lib.deploy.tree.shape import close

SOURCE = rule("container/source", "An image has exactly one of `build` and `location`.")
PORT = rule("container/port", "The main container of a service has `image.port`.")
TAKEN = rule("container/port-taken", "No two containers of a task have the same port.")
WAITS_FOR = rule(
    "container/depends-on", "`depends_on` names containers of the task, and not itself."
)
STATUS = rule(
    "container/depends-on-status",
    "What depends on an essential container waits for `start` or `healthy`: it never completes.",
)
CYCLE = rule("container/depends-on-cycle", "Containers do not wait for each other in a circle.")
UNCHECKED = rule(
    "container/healthy-without-check",
    "Who waits for `healthy` waits for a container with a `healthcheck`; without one it never is.",
)
TIMING = rule(
    "container/health-timing",
    "A container's health check has an interval of 5s to 300s, a shorter timeout of 2s to 60s, and a"
    " `start_period` of at most 300s.",
)
COMMAND = rule("container/health-command", "A container's health check has a command.")
EXEC = rule("container/exec", "`exec` is off in production: it opens a shell in a running task.")
FILE = rule("container/env-file", "An `env_file` ends with .env and exists.")


def check(context: Context) -> None:
    """Look at every container in every environment."""
    for view in context.views:
        names = {name: section for name, _, section in view.containers()}
        for name, place, section in view.containers():
            _source(context, view, name, place, section)
            _health(context, view, place, section)
        if view.is_service and view.get("image", "port") is None:
            problem = "The main container has no port, so the load balancer cannot reach it."
            context.report.add(PORT, view.path, view.line("image"), problem, "Add `port: 3000`.")
        _ports(context, view)
        _dependencies(context, view, names)
        _exec(context, view)
        _files(context, view)


def _source(context: Context, view: View, name: str, place: tuple[str, ...], section: Map) -> None:
    image = section if place == ("image",) else section.get("image")
    if isinstance(image, str):
        return
    given = [key for key in ("build", "location") if isinstance(image, Map) and key in image]
    if len(given) != 1:
        problem = f"The image of `{name}` has {'both' if given else 'neither'} build and location."
        if not given:
            problem = f"The image of `{name}` has neither build nor location."
        deep = place if place == ("image",) else (*place, "image")
        line = view.line(*deep, "location") if given else view.line(*deep)
        context.report.add(SOURCE, view.path, line, problem, "Keep `build`, or `location`.", name)


def _ports(context: Context, view: View) -> None:
    taken: dict[str, tuple[str, int]] = {}
    for name, place, section in view.containers():
        port = section.get("port")
        if port is None:
            continue
        key, line = str(port).partition("/")[0], view.line(*place, "port")
        if key in taken:
            problem = f"`{name}` and `{taken[key][0]}` share one network, and both want port {key}."
            mend = "Give one of them another port."
            context.report.add(TAKEN, view.path, line, problem, mend)
        taken.setdefault(key, (name, line))


def _dependencies(context: Context, view: View, names: dict[str, Map]) -> None:
    graph: dict[str, list[str]] = {}
    for name, place, section in view.containers():
        waits = section.get("depends_on")
        if not isinstance(waits, Map):
            continue
        graph[name] = [other for other in waits if other in names]
        for other, status in waits.items():
            line = view.line(*place, "depends_on", other)
            if other not in names or other == name:
                problem = (
                    f"`{name}` waits for `{other}`, which is not another container of the task"
                )
                problem += f"{close(other, names)}."
                mend = f"Write one of {', '.join(sorted(set(names) - {name})) or 'its sidecars'}."
                context.report.add(WAITS_FOR, view.path, line, problem, mend)
                continue
            essential = names[other].get("essential", True) is not False
            if essential and str(status).lower() in ("complete", "success"):
                problem = f"`{other}` is essential: when it ends, the whole task does."
                mend = "Wait for `healthy` or `start`, or write `essential: false` for it."
                context.report.add(STATUS, view.path, line, problem, mend)
            if str(status).lower() == "healthy" and not names[other].get("healthcheck"):
                problem = f"`{other}` has no health check and so never becomes healthy."
                mend = f"Give `{other}` a healthcheck, or wait for `start`."
                context.report.add(UNCHECKED, view.path, line, problem, mend)
    circle = _circle(graph)
    if circle:
        place = ("image",) if circle[0] == view.workload.name else ("sidecars", circle[0])
        problem = f"{' -> '.join(circle)}: none of them can start."
        line = view.line(*place, "depends_on")
        context.report.add(CYCLE, view.path, line, problem, "Remove one of these dependencies.")


def _circle(graph: dict[str, list[str]]) -> list[str]:
    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        for other in graph.get(name, []):
            if other != name and (found := follow(other, [*way, name])):
                return found
        return []

    return next((found for name in graph if (found := follow(name, []))), [])


def _health(context: Context, view: View, place: tuple[str, ...], section: Map) -> None:
    health = section.get("healthcheck")
    if not isinstance(health, Map):
        return
    at = (*place, "healthcheck")
    if not health.get("command"):
        problem = "This health check runs nothing."
        mend = "Add `command`, such as ['CMD-SHELL', 'curl -f http://localhost:4000/health']."
        context.report.add(COMMAND, view.path, view.line(*at), problem, mend)
    interval = seconds(health.get("interval", "10s"))
    timeout = seconds(health.get("timeout", "5s"))
    start = seconds(health.get("start_period", "0s"))
    if interval is None or timeout is None or start is None:
        return
    if start > 300:
        problem = "ECS gives a container 300s to start at most."
        line = view.line(*at, "start_period")
        context.report.add(TIMING, view.path, line, problem, "Write 300s or less.", "start")
    if timeout >= interval or not 5 <= interval <= 300 or not 2 <= timeout <= 60:
        which = "timeout" if "timeout" in health else "interval"
        problem = "This pair of interval and timeout is not right."
        mend = "Write an interval of 5s to 300s and a shorter timeout of 2s to 60s."
        context.report.add(TIMING, view.path, view.line(*at, which), problem, mend)


def _exec(context: Context, view: View) -> None:
    given = view.get("exec")
    enabled = given.get("enable", True) is not False if isinstance(given, Map) else given is True
    if enabled and view.environment.startswith("prod"):
        problem = f"`exec` is on in `{view.environment}`."
        mend = "Write `exec: false`, and `exec: true` below `environments.dev` where it is needed."
        context.report.add(EXEC, view.path, view.line("exec"), problem, mend)


def _files(context: Context, view: View) -> None:
    places: list[tuple[str, ...]] = [()]
    places += [place for _, place, _ in view.containers() if place != ("image",)]
    for place in places:
        name = view.get(*place, "env_file")
        if not isinstance(name, str) or "${" in name:
            continue
        if not name.endswith(".env") or not (context.tree.root / name).is_file():
            ends = "does not end with .env" if not name.endswith(".env") else "does not exist"
            line = view.line(*place, "env_file")
            mend = "Name a file that ends with .env; the path counts from the project's root."
            context.report.add(FILE, view.path, line, f"`{name}` {ends}.", mend)
