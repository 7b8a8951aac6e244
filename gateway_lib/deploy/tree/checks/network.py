"""Networks: where tasks run, who may reach them, and the subnets of environments."""

from __future__ import annotations

from ipaddress import ip_network

from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map, Seq, get, line_at
from gateway_lib.deploy.tree.rule import rule

PLACEMENT = rule(
    "network/placement",
    "Tasks run in private subnets (`network.vpc.placement: private`); Copilot's default is public.",
)
GROUPS = rule(
    "network/security-groups",
    "`security_groups` is a list, or a mapping of `groups` and `deny_default`; Copilot refuses a bare"
    " `{from_cfn: ...}`.",
)
SUBNETS = rule(
    "network/subnets",
    "A VPC has at least two public and two private subnets, as many of one as of the other, in different"
    " zones; all by `id` where the VPC has one, else all by `cidr`, inside the VPC's.",
)


def check(context: Context) -> None:
    """Look at every workload in every environment, and at the environments."""
    for view in context.views:
        _placement(context, view)
        groups = view.get("network", "vpc", "security_groups")
        if isinstance(groups, Map) and "from_cfn" in groups:
            line = view.line("network", "vpc", "security_groups", "from_cfn")
            problem = "This is not a list, and Copilot refuses it."
            context.report.add(GROUPS, view.path, line, problem, "Write `- from_cfn: ...`.")
    for name in context.environments:
        _subnets(context, name)


def _placement(context: Context, view: View) -> None:
    placement = view.get("network", "vpc", "placement")
    if placement == "private" or isinstance(placement, Map):
        return
    problem = "The tasks get public addresses" + (
        "." if placement == "public" else ": Copilot's default is public subnets."
    )
    mend = "Write `network: {vpc: {placement: private}}`."
    context.report.add(
        PLACEMENT, view.path, view.line("network", "vpc", "placement"), problem, mend
    )


def _subnets(context: Context, name: str) -> None:
    manifest, path = context.environments[name], context.tree.environments[name].path
    vpc, subnets = get(manifest, "network", "vpc"), get(manifest, "network", "vpc", "subnets")
    if not isinstance(vpc, Map) or not isinstance(subnets, Map):
        return
    at = ("network", "vpc", "subnets")
    kinds = {
        kind: list(found) if isinstance(found := subnets.get(kind), Seq) else []
        for kind in ("public", "private")
    }
    line = line_at(manifest, *at)

    def tell(problem: str, mend: str, where: int = line, about: str = "") -> None:
        context.report.add(SUBNETS, path, where, problem, mend, about)

    if len(kinds["public"]) != len(kinds["private"]) or len(kinds["public"]) < 2:
        counts = f"{len(kinds['public'])} public and {len(kinds['private'])} private"
        tell(f"There are {counts} subnets.", "Write two of each, or more, equally many.")
    wanted = "id" if vpc.get("id") else "cidr"
    for kind, found in kinds.items():
        zones = [one["az"] for one in found if isinstance(one, Map) and one.get("az")]
        if len(zones) != len(set(zones)):
            where = line_at(manifest, *at, kind)
            tell(
                f"Two {kind} subnets are in one zone.", "Give each a zone of its own.", where, "az"
            )
        for number, one in enumerate(found):
            where = line_at(manifest, *at, kind, number)
            if not isinstance(one, Map) or wanted not in one:
                tell(f"This subnet has no `{wanted}`.", f"Write its `{wanted}`.", where)
            elif wanted == "cidr" and not _inside(str(one["cidr"]), str(vpc.get("cidr") or "")):
                mend = "Write one inside network.vpc.cidr, such as 10.0.1.0/24."
                tell(f"`{one['cidr']}` is no network inside the VPC's.", mend, where)


def _inside(inner: str, outer: str) -> bool:
    try:
        network = ip_network(inner)
        around = ip_network(outer) if outer else None
    except ValueError:
        return False
    if around is None:
        return True
    return network.version == around.version and network.subnet_of(around)  # type: ignore[arg-type]
