"""CPU, memory, disks and scaling: what Fargate offers, and what goes together."""

from __future__ import annotations

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map
from gateway_lib.deploy.tree.rule import rule

PAIR = rule(
    "size/cpu-memory",
    "`cpu` and `memory` are a pair that Fargate has; Copilot passes any other on, and the deployment fails.",
)
DISK = rule("size/ephemeral", "`storage.ephemeral` is between 20 and 200 GiB.")
NO_FIELD = rule(
    "scaling/range-without-field",
    "A `count.range` has something to scale by: cpu_percentage, memory_percentage, requests or"
    " response_time.",
)
NO_RANGE = rule(
    "scaling/field-without-range", "What a service is to be scaled by has a `count.range`."
)
SPOT = rule("scaling/spot", "`count.spot` stands alone, and there is no Spot capacity for ARM.")
ORDER = rule("scaling/order", "A range goes from a smaller number to a larger one.")
IMPORTED = rule(
    "scaling/imported-balancer",
    "`count.requests` and `count.response_time` are not used with an imported load balancer (`http.alb`):"
    " they refer to a target group that Copilot does not render then.",
)
FIELDS = ("cpu_percentage", "memory_percentage", "requests", "response_time")
_DEFAULT_CPU, _DEFAULT_MEMORY = 256, 512
FARGATE = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""Memory in MiB that may go with so many CPU units."""


def check(context: Context) -> None:
    """Look at every workload in every environment."""
    for view in context.views:
        _pair(context, view)
        disk = view.get("storage", "ephemeral")
        if isinstance(disk, int) and not 20 <= disk <= 200:
            line = view.line("storage", "ephemeral")
            problem = f"{disk} GiB of ephemeral storage are not offered."
            context.report.add(DISK, view.path, line, problem, "Write 20 to 200.")
        count = view.get("count")
        if isinstance(count, Map):
            _scaling(context, view, count)


def _pair(context: Context, view: View) -> None:
    cpu, memory = view.get("cpu"), view.get("memory")
    cpu = _DEFAULT_CPU if cpu is None else cpu
    memory = _DEFAULT_MEMORY if memory is None else memory
    if not isinstance(cpu, int) or not isinstance(memory, int) or memory in FARGATE.get(cpu, ()):
        return
    if cpu not in FARGATE:
        line, mend = view.line("cpu"), f"Write one of {', '.join(map(str, FARGATE))}."
    else:
        line, sizes = view.line("memory"), FARGATE[cpu]
        near = min(sizes, key=lambda size: abs(size - memory))
        mend = f"With {cpu} goes {sizes[0]} to {sizes[-1]} in steps; the nearest is {near}."
    problem = f"Fargate has no task of {cpu} CPU units and {memory} MiB (in `{view.environment}`)."
    context.report.add(PAIR, view.path, line, problem, mend)


def _scaling(context: Context, view: View, count: Map) -> None:
    report, path = context.report, view.path
    fields = [field for field in FIELDS if count.get(field) is not None]
    if "range" in count and not fields:
        problem = "There is a range and nothing to scale by."
        report.add(NO_FIELD, path, view.line("count", "range"), problem, "Add cpu_percentage: 60.")
    if fields and "range" not in count:
        problem = f"`{fields[0]}` has no range to scale in."
        mend = "Add `range: 2-6`, or write a plain number as `count`."
        report.add(NO_RANGE, path, view.line("count", fields[0]), problem, mend)
    if "spot" in count and (fields or "range" in count):
        problem = "`spot` is a fixed number of tasks and excludes scaling."
        mend = "Remove it; `range: {min, max, spot_from}` scales onto Spot capacity."
        report.add(SPOT, path, view.line("count", "spot"), problem, mend)
    band = count.get("range")
    spot_from = band.get("spot_from") if isinstance(band, Map) else None
    if ("spot" in count or spot_from is not None) and _is_arm(view):
        problem = "Fargate has no Spot capacity for ARM processors."
        mend = "Write `platform: linux/x86_64`, or do without Spot."
        place = ("count", "spot") if "spot" in count else ("count", "range", "spot_from")
        report.add(SPOT, path, view.line(*place), problem, mend, "arm")
    low, high = _bounds(band)
    if low is not None and high is not None and low > high:
        problem = f"The range goes from {low} to {high}."
        report.add(ORDER, path, view.line("count", "range"), problem, f"Write {high}-{low}.")
    if view.get("http", "alb") is not None:
        for field in ("requests", "response_time"):
            if field in count:
                line = view.line("count", field)
                problem = (
                    f"`{field}` watches a target group that an imported load balancer has not."
                )
                mend = "Scale by cpu_percentage and memory_percentage."
                report.add(IMPORTED, path, line, problem, mend, field)


def _bounds(band: object) -> tuple[int | None, int | None]:
    if isinstance(band, Map):
        low, high = band.get("min"), band.get("max")
        return (low, high) if isinstance(low, int) and isinstance(high, int) else (None, None)
    first, _, last = band.partition("-") if isinstance(band, str) else ("", "", "")
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else (None, None)


def _is_arm(view: View) -> bool:
    platform = view.get("platform")
    written = platform.get("architecture", "") if isinstance(platform, Map) else platform
    return isinstance(written, str) and "arm" in written.lower()
