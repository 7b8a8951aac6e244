"""The manifest of an environment."""

from __future__ import annotations

from typing import Annotated

from gateway_lib.deploy.tree.models.base import Band, Mapping, Plain, Section, by_shape


class Subnet(Section):
    """One subnet."""

    id: str | None = None
    cidr: str | None = None
    az: str | None = None


class Subnets(Section):
    """Subnets by kind."""

    public: list[Subnet] | None = None
    private: list[Subnet] | None = None


class GroupRule(Section):
    """What a security group lets through."""

    ip_protocol: str | int | None = None
    ports: int | Band | None = None
    cidr: str | None = None


class SecurityGroup(Section):
    """The environment's security group."""

    ingress: list[GroupRule] | None = None
    egress: list[GroupRule] | None = None


class FlowLogs(Section):
    """How long flow logs are kept."""

    retention: int | None = None


class Vpc(Section):
    """A VPC of Copilot's making, or one that is there."""

    id: str | None = None
    cidr: str | None = None
    subnets: Subnets | None = None
    security_group: SecurityGroup | None = None
    flow_logs: Annotated[Plain[bool] | Mapping[FlowLogs], by_shape] | None = None


class EnvironmentNetwork(Section):
    """`network`."""

    vpc: Vpc | None = None


class AccessLogs(Section):
    """A bucket of one's own for access logs."""

    bucket_name: str | None = None
    prefix: str | None = None


class PublicIngress(Section):
    """Who may reach the public load balancer."""

    cdn: bool | None = None
    source_ips: list[str] | None = None


class PublicHttp(Section):
    """The public load balancer."""

    certificates: list[str] | None = None
    access_logs: Annotated[Plain[bool] | Mapping[AccessLogs], by_shape] | None = None
    ssl_policy: str | None = None
    ingress: PublicIngress | None = None


class PrivateIngress(Section):
    """Who may reach the internal load balancer."""

    vpc: bool | None = None


class PrivateHttp(Section):
    """The internal load balancer."""

    subnets: list[str] | None = None
    certificates: list[str] | None = None
    ssl_policy: str | None = None
    ingress: PrivateIngress | None = None


class EnvironmentHttp(Section):
    """`http`."""

    public: PublicHttp | None = None
    private: PrivateHttp | None = None


class StaticAssets(Section):
    """What the CDN serves itself."""

    location: str | None = None
    alias: str | None = None
    path: str | None = None


class Cdn(Section):
    """CloudFront before the load balancer."""

    certificate: str | None = None
    terminate_tls: bool | None = None
    static_assets: StaticAssets | None = None


class EnvironmentObservability(Section):
    """`observability`."""

    container_insights: bool | None = None


class EnvironmentManifest(Section):
    """The whole manifest."""

    name: str | None = None
    type: str | None = None
    network: EnvironmentNetwork | None = None
    http: EnvironmentHttp | None = None
    cdn: Annotated[Plain[bool] | Mapping[Cdn], by_shape] | None = None
    observability: EnvironmentObservability | None = None
