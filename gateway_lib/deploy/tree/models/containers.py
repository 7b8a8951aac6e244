"""Images, containers, what they get and where they write: alike in services and jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway_lib.deploy.tree.models.base import (
    Count,
    Duration,
    FromStack,
    List,
    Mapping,
    Plain,
    Port,
    Scalar,
    Section,
    TextOrExport,
    Words,
    by_shape,
)

Status = Literal[
    "start", "healthy", "complete", "success", "START", "HEALTHY", "COMPLETE", "SUCCESS"
]


class Build(Section):
    """How an image is built."""

    context: str | None = None
    dockerfile: str | None = None
    args: dict[str, Scalar] | None = None
    target: str | None = None
    cache_from: list[str] | None = None


class ContainerHealthcheck(Section):
    """The command ECS runs inside the container."""

    command: Words | None = None
    interval: Duration | None = None
    retries: Annotated[int, Field(ge=1, le=10)] | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None


class Image(Section):
    """`image` of the main container."""

    build: Annotated[Plain[str] | Mapping[Build], by_shape] | None = None
    location: str | None = None
    credentials: str | None = None
    labels: dict[str, Scalar] | None = None
    depends_on: dict[str, Status] | None = None
    port: Port | None = None
    healthcheck: ContainerHealthcheck | None = None


class SidecarImage(Section):
    """`image` of a sidecar, where it is not just a location."""

    build: Annotated[Plain[str] | Mapping[Build], by_shape] | None = None
    location: str | None = None


class NamedSecret(Section):
    """A secret by an export or by its name in Secrets Manager."""

    from_cfn: str | None = None
    secretsmanager: str | None = None


Variables = dict[str, Annotated[Plain[Scalar | None] | Mapping[FromStack], by_shape]]
Secrets = dict[str, Annotated[Plain[str | None] | Mapping[NamedSecret], by_shape]]


class MountPoint(Section):
    """A volume in a sidecar."""

    source_volume: str | None = None
    path: str | None = None
    read_only: bool | None = None


class Sidecar(Section):
    """A container beside the main one."""

    port: Annotated[int, Field(ge=1, le=65535)] | str | None = None
    image: Annotated[Plain[str] | Mapping[SidecarImage], by_shape] | None = None
    essential: bool | None = None
    credentials_parameter: str | None = Field(None, alias="credentialsParameter")
    variables: Variables | None = None
    secrets: Secrets | None = None
    env_file: str | None = None
    mount_points: list[MountPoint] | None = None
    labels: dict[str, Scalar] | None = None
    depends_on: dict[str, Status] | None = None
    entrypoint: Words | None = None
    command: Words | None = None
    healthcheck: ContainerHealthcheck | None = None


class Logging(Section):
    """Where the main container's log goes."""

    retention: int | None = None
    image: str | None = None
    destination: dict[str, Scalar] | None = None
    enable_metadata: bool | None = Field(None, alias="enableMetadata")
    secret_options: Secrets | None = Field(None, alias="secretOptions")
    config_file_path: str | None = Field(None, alias="configFilePath")
    env_file: str | None = None
    variables: Variables | None = None
    secrets: Secrets | None = None


class FileSystemAccess(Section):
    """How a file system of one's own is entered."""

    iam: bool | None = None
    access_point_id: str | None = None


class FileSystem(Section):
    """An EFS file system."""

    id: TextOrExport | None = None
    root_dir: str | None = None
    auth: FileSystemAccess | None = None
    uid: Count | None = None
    gid: Count | None = None


class Volume(Section):
    """A volume of the task."""

    path: str | None = None
    read_only: bool | None = None
    efs: Annotated[Plain[bool] | Mapping[FileSystem], by_shape] | None = None


class Storage(Section):
    """Disks of the task."""

    ephemeral: int | None = None
    readonly_fs: bool | None = None
    volumes: dict[str, Volume] | None = None


class SubnetsByTag(Section):
    """Subnets found by their tags."""

    from_tags: dict[str, Words] | None = None


class Placement(Section):
    """The subnets the tasks run in."""

    subnets: Annotated[List[list[str]] | Mapping[SubnetsByTag], by_shape] | None = None


class SecurityGroups(Section):
    """Security groups, where the default one is not wanted."""

    from_cfn: str | None = None  # not Copilot's; checked by `network/security-groups`
    deny_default: bool | None = None
    groups: list[TextOrExport] | None = None


class ServiceVpc(Section):
    """Where in the VPC."""

    placement: (
        Annotated[Plain[Literal["public", "private"]] | Mapping[Placement], by_shape] | None
    ) = None
    security_groups: (
        Annotated[List[list[TextOrExport]] | Mapping[SecurityGroups], by_shape] | None
    ) = None


class Connect(Section):
    """The name in ECS Service Connect."""

    alias: str | None = None


class Network(Section):
    """`network`."""

    vpc: ServiceVpc | None = None
    connect: Annotated[Plain[bool] | Mapping[Connect], by_shape] | None = None


class Platform(Section):
    """Operating system and processor."""

    osfamily: str | None = None
    architecture: str | None = None


class Execute(Section):
    """`exec` as a mapping."""

    enable: bool | None = None


class Task(Section):
    """What services and jobs have in common."""

    image: Image | None = None
    entrypoint: Words | None = None
    command: Words | None = None
    cpu: int | None = None
    memory: int | None = None
    platform: Annotated[Plain[str] | Mapping[Platform], by_shape] | None = None
    exec: Annotated[Plain[bool] | Mapping[Execute], by_shape] | None = None
    variables: Variables | None = None
    env_file: str | None = None
    secrets: Secrets | None = None
    storage: Storage | None = None
    logging: Logging | None = None
    sidecars: dict[str, Sidecar] | None = None
    network: Network | None = None
