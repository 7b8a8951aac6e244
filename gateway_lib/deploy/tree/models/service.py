"""The manifest of a `Load Balanced Web Service`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway_lib.deploy.tree.models.base import (
    Band,
    Count,
    Duration,
    List,
    Mapping,
    Percentage,
    Plain,
    Port,
    Scalar,
    Section,
    by_shape,
)
from gateway_lib.deploy.tree.models.containers import Task

Version = Literal["http1", "http2", "grpc", "HTTP1", "HTTP2", "GRPC", "gRPC"]


class Alias(Section):
    """A host name and the zone it is in."""

    name: str | None = None
    hosted_zone: str | None = None


class TargetHealthcheck(Section):
    """What the load balancer asks."""

    path: str | None = None
    port: Port | None = None
    success_codes: Scalar | None = None
    healthy_threshold: int | None = None
    unhealthy_threshold: int | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    grace_period: Duration | None = None


class Rule(Section):
    """What requests go to which container."""

    path: str | None = None
    version: Version | None = None
    healthcheck: Annotated[Plain[str] | Mapping[TargetHealthcheck], by_shape] | None = None
    stickiness: bool | None = None
    alias: Annotated[Plain[str] | List[list[str | Alias]], by_shape] | None = None
    deregistration_delay: Duration | None = None
    target_container: str | None = None
    target_port: Port | None = None
    allowed_source_ips: list[str] | None = None
    hosted_zone: str | None = None
    redirect_to_https: bool | None = None


class Http(Rule):
    """The main rule, and those beside it."""

    alb: str | None = None
    additional_rules: list[Rule] | None = None


class Range(Section):
    """Bounds of autoscaling."""

    min: Count | None = None
    max: Count | None = None
    spot_from: Count | None = None


class Cooldown(Section):
    """Pauses between two steps of scaling."""

    in_: Duration | None = Field(None, alias="in")
    out: Duration | None = None


class PercentageTarget(Section):
    """A target with a cooldown of its own."""

    value: Percentage | None = None
    cooldown: Cooldown | None = None


class RequestsTarget(Section):
    """A target with a cooldown of its own."""

    value: Count | None = None
    cooldown: Cooldown | None = None


class DurationTarget(Section):
    """A target with a cooldown of its own."""

    value: Duration | None = None
    cooldown: Cooldown | None = None


class Scaling(Section):
    """`count` as a mapping."""

    spot: Count | None = None
    range: Annotated[Plain[Band] | Mapping[Range], by_shape] | None = None
    cooldown: Cooldown | None = None
    cpu_percentage: Annotated[Plain[Percentage] | Mapping[PercentageTarget], by_shape] | None = None
    memory_percentage: Annotated[Plain[Percentage] | Mapping[PercentageTarget], by_shape] | None = (
        None
    )
    requests: Annotated[Plain[Count] | Mapping[RequestsTarget], by_shape] | None = None
    response_time: Annotated[Plain[Duration] | Mapping[DurationTarget], by_shape] | None = None


class RollbackMetrics(Section):
    """Alarms that Copilot makes itself."""

    cpu_utilization: Percentage | None = None
    memory_utilization: Percentage | None = None


class Deployment(Section):
    """How a new version replaces the old one."""

    rolling: Literal["default", "recreate"] | None = None
    rollback_alarms: Annotated[List[list[str]] | Mapping[RollbackMetrics], by_shape] | None = None


class Observability(Section):
    """Tracing."""

    tracing: Literal["awsxray"] | None = None


class Service(Task):
    """What an environment may set anew."""

    http: Annotated[Plain[bool] | Mapping[Http], by_shape] | None = None
    count: Annotated[Plain[Count] | Mapping[Scaling], by_shape] | None = None
    deployment: Deployment | None = None
    observability: Observability | None = None


class ServiceManifest(Service):
    """The whole manifest."""

    name: str | None = None
    type: str | None = None
    environments: dict[str, Service | None] | None = None
