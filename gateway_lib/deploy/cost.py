"""What an environment costs in a month, resource by resource: counted in the tree, times list prices.

Two numbers for each: at rest, with the fewest tasks and the smallest database, and at most, with everything
scaled out for the whole month. What depends on the load comes from the assumptions of the price list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gateway_lib.deploy.prices import Prices, Usage
from gateway_lib.deploy.site import JOB, SERVICE, Site, Target
from gateway_lib.deploy.templates import Resource, resources
from gateway_lib.errors import DeployError

FREE = (
    "AWS::EC2::SecurityGroup",
    "AWS::ElastiCache::ParameterGroup",
    "AWS::ElastiCache::SubnetGroup",
    "AWS::IAM::",
    "AWS::KMS::Alias",
    "AWS::Logs::LogGroup",  # by what is written into it
    "AWS::Logs::MetricFilter",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::BucketPolicy",
    "AWS::S3::Bucket",  # by what is in it
    "AWS::SNS::",  # a few mails a month
    "AWS::SecretsManager::SecretTargetAttachment",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
)
"""Types that cost nothing by being there."""


@dataclass(frozen=True)
class Line:
    """One line of the estimate."""

    group: str
    resource: str
    quantity: str
    price: str
    """Name of the price; empty where there is none."""
    usd: float | None
    """A month at rest; None where the price is not known."""
    most_usd: float | None
    """A month at most."""


@dataclass(frozen=True)
class Estimate:
    """The lines of an environment, and what stands behind them."""

    environment: str
    lines: tuple[Line, ...]
    prices: Prices
    region: str

    @property
    def usd(self) -> float:
        return sum(line.usd or 0.0 for line in self.lines)

    @property
    def most_usd(self) -> float:
        return sum(line.most_usd or 0.0 for line in self.lines)

    @property
    def unknown(self) -> list[str]:
        """What is counted and has no price."""
        return [line.resource for line in self.lines if line.usd is None]

    @property
    def notes(self) -> list[str]:
        """What must be said beside the numbers."""
        said = [self.prices.caution]
        if self.region and self.region != self.prices.region:
            said.append(f"the deployment is in {self.region}, whose prices differ")
        if self.unknown:
            said.append(f"without a price: {', '.join(self.unknown)}")
        return said


def estimate(site: Site, prices: Prices) -> Estimate:
    """What an environment of the tree costs.

    Raises:
        DeployError: The tree cannot be read, or there are no assumptions for the environment.
    """
    if site.target is Target.LOCAL:
        return Estimate(site.environment, (), prices, "")
    usage = prices.assumptions.get(site.environment)
    if usage is None:
        raise DeployError(f"the price list has no assumptions for {site.environment}")
    lines = list(_Count(site, prices, usage).lines())
    return Estimate(site.environment, tuple(lines), prices, site.region)


class _Count:
    def __init__(self, site: Site, prices: Prices, usage: Usage) -> None:
        self._site, self._prices, self._usage = site, prices, usage

    def lines(self) -> Iterator[Line]:
        hours, usage = self._prices.hours, self._usage
        yield from self._service(_manifest(self._site, SERVICE))
        yield from self._job(_manifest(self._site, JOB))
        yield from self._network(hours)
        folders = ("environments/addons", f"{SERVICE}/addons", f"{JOB}/addons")
        known = [
            resource
            for folder in folders
            for resource in resources(
                self._site.tree / folder, self._site.application, self._site.environment
            )
        ]
        yield from self._addons(known)
        watching = "logs and storage"
        yield self._line(watching, "logs", f"{usage.log_gb:g} GB taken in", "log_gb", usage.log_gb)
        yield self._line(watching, "S3", f"{usage.s3_gb:g} GB kept", "s3_gb_month", usage.s3_gb)
        yield self._line(watching, "images", f"{usage.ecr_gb:g} GB", "ecr_gb_month", usage.ecr_gb)

    def _line(
        self, group: str, resource: str, quantity: str, price: str, units: float, most: float = -1
    ) -> Line:
        unit = self._prices.of(price)
        if unit is None:
            return Line(group, resource, quantity, "", None, None)
        top = units if most < 0 else most
        return Line(group, resource, quantity, price, unit * units, unit * top)

    def _service(self, manifest: Mapping[str, Any]) -> Iterator[Line]:
        few, many = _tasks(manifest.get("count", 1))
        cpu, memory = float(manifest["cpu"]) / 1024, float(manifest["memory"]) / 1024
        hours = self._prices.hours
        tasks = f"{few} to {many} tasks of" if few != many else f"{few} tasks of"
        for what, size, unit, price in (
            ("vCPU", cpu, "vCPU", "fargate_vcpu_hour"),
            ("memory", memory, "GB", "fargate_gb_hour"),
        ):
            quantity = f"{tasks} {size:g} {unit}"
            units = size * hours
            yield self._line(
                "compute", f"{SERVICE} {what}", quantity, price, units * few, units * many
            )

    def _job(self, manifest: Mapping[str, Any]) -> Iterator[Line]:
        hours = self._usage.job_hours * self._usage.nights
        for what, size, price in (
            ("vCPU", float(manifest["cpu"]) / 1024, "fargate_vcpu_hour"),
            ("memory", float(manifest["memory"]) / 1024, "fargate_gb_hour"),
        ):
            quantity = f"{size:g} for {hours:g} hours"
            yield self._line("compute", f"{JOB} {what}", quantity, price, size * hours)

    def _network(self, hours: float) -> Iterator[Line]:
        """What Copilot's own templates make: a NAT gateway for each zone, and the load balancer."""
        usage, group, front = self._usage, "network", "load balancer and firewall"
        zones = usage.zones
        yield self._line(group, "NAT gateways", f"{zones}", "nat_gateway_hour", zones * hours)
        yield self._line(
            group, "through NAT", f"{usage.nat_gb:g} GB", "nat_gateway_gb", usage.nat_gb
        )
        addresses = 2 * zones
        words = f"{addresses}, of NAT gateways and load balancer"
        yield self._line(group, "public addresses", words, "public_ipv4_hour", addresses * hours)
        yield self._line(front, "load balancer", "1", "alb_hour", hours)
        units = usage.load_balancer_units
        yield self._line(front, "its load", f"{units:g} LCU", "alb_lcu_hour", units * hours)

    def _addons(self, known: Sequence[Resource]) -> Iterator[Line]:
        counted = Counter(resource.kind for resource in known)
        for resource in known:
            yield from self._addon(resource, counted)
        keys, secrets = counted["AWS::KMS::Key"], counted["AWS::SecretsManager::Secret"]
        group = "secrets and keys"
        yield self._line(group, "secrets", f"{secrets}", "secret_month", secrets)
        yield self._line(
            group, "encryption keys", f"{keys}, and Copilot's", "kms_key_month", keys + 1
        )
        alarms = [r for r in known if r.kind == "AWS::CloudWatch::Alarm"]
        metrics = sum(_metrics(alarm) for alarm in alarms)
        words = f"{len(alarms)} on {metrics} metrics"
        yield self._line("logs and storage", "alarms", words, "alarm_month", metrics)
        boards = counted["AWS::CloudWatch::Dashboard"]
        if boards:
            yield self._line(
                "logs and storage", "dashboards", f"{boards}", "dashboard_month", boards
            )
        together = (
            "AWS::KMS::Key",
            "AWS::SecretsManager::Secret",
            "AWS::CloudWatch::Alarm",
            "AWS::CloudWatch::Dashboard",
            *_ONE_BY_ONE,
        )
        for kind in counted:
            if not kind.startswith((*FREE, *together)):
                yield Line("other", kind, f"{counted[kind]}", "", None, None)

    def _addon(self, resource: Resource, counted: Counter[str]) -> Iterator[Line]:
        usage, hours, has = self._usage, self._prices.hours, resource.properties
        if resource.kind == "AWS::RDS::DBCluster":
            nodes = counted["AWS::RDS::DBInstance"]
            scaling = has.get("ServerlessV2ScalingConfiguration") or {}
            low, high = float(scaling.get("MinCapacity", 0)), float(scaling.get("MaxCapacity", 0))
            words = (
                f"{nodes} nodes of {low:g} to {high:g} ACU"
                if nodes > 1
                else f"{low:g} to {high:g} ACU"
            )
            units = nodes * hours
            price = "aurora_acu_hour"
            yield self._line("database", "capacity", words, price, low * units, high * units)
            words = f"{usage.database_gb:g} GB"
            yield self._line("database", "storage", words, "aurora_gb_month", usage.database_gb)
            words = f"{usage.database_million_io:g} million I/O"
            yield self._line(
                "database",
                "reads and writes",
                words,
                "aurora_million_io",
                usage.database_million_io,
            )
        elif resource.kind == "AWS::ElastiCache::ReplicationGroup":
            kind, nodes = str(has.get("CacheNodeType")), int(has.get("NumCacheClusters", 1))
            words = f"{nodes} of {kind}"
            yield self._line("Redis", "nodes", words, f"redis_{kind}_hour", nodes * hours)
        elif resource.kind == "AWS::EC2::VPCEndpoint" and has.get("VpcEndpointType") == "Interface":
            service = re.sub(r".*\.", "", str(_text(has.get("ServiceName"))))
            words = f"1, in {usage.zones} zones"
            units = usage.zones * hours
            yield self._line(
                "network", f"endpoint {service}", words, "interface_endpoint_hour", units
            )
        elif resource.kind == "AWS::WAFv2::WebACL":
            group, rules = "load balancer and firewall", len(has.get("Rules") or [])
            yield self._line(group, "firewall", "1", "waf_acl_month", 1)
            yield self._line(group, "its rules", f"{rules}", "waf_rule_month", rules)
            words = f"{usage.requests_million:g} million requests"
            yield self._line(
                group, "its requests", words, "waf_million_requests", usage.requests_million
            )


_ONE_BY_ONE = (
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",  # counted with its cluster
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::EC2::VPCEndpoint",  # those of type Gateway are free
    "AWS::WAFv2::WebACL",
)


def _text(value: Any) -> Any:
    return value.get("Fn::Sub", "") if isinstance(value, dict) else value


def _metrics(alarm: Resource) -> int:
    """Metrics of an alarm; those that it computes with are paid for one by one."""
    listed = alarm.properties.get("Metrics") or []
    return sum("MetricStat" in metric for metric in listed) or 1


def _tasks(count: Any) -> tuple[int, int]:
    """The fewest and the most tasks of a manifest's `count`."""
    if isinstance(count, Mapping):
        span = count.get("range", 1)
        if isinstance(span, Mapping):
            return int(span["min"]), int(span["max"])
        few, _, many = str(span).partition("-")
        return int(few), int(many or few)
    return int(count), int(count)


def _manifest(site: Site, workload: str) -> dict[str, Any]:
    """A manifest with the environment's overrides laid over it, as Copilot does."""
    path = site.tree / workload / "manifest.yml"
    try:
        document = yaml.safe_load(path.read_text())
        over = (document.get("environments") or {}).get(site.environment) or {}
        return _over(document, over)
    except (OSError, yaml.YAMLError, AttributeError):
        raise DeployError(f"{path}: it cannot be read; see `gateway validate`") from None


def _over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged, all else replaced."""
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = _over(before, value) if both else value  # type: ignore[arg-type]
    return result
