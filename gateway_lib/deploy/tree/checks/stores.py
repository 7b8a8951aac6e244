"""The security scan of what keeps or moves data: buckets, databases, Redis, topics, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gateway_lib.deploy.tree.addons import Addons, references
from gateway_lib.deploy.tree.checks.policies import statements
from gateway_lib.deploy.tree.checks.scan import (
    BACKUP,
    ENCRYPTION,
    PUBLIC,
    RETENTION,
    ROTATION,
    TLS,
    Fault,
    Resource,
    is_true,
)
from gateway_lib.deploy.tree.nodes import Map, get, walk
from gateway_lib.deploy.tree.rule import Rule

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_KEPT = ("Retain", "Snapshot", "RetainExceptOnCreate")
_STATEFUL = {
    "AWS::S3::Bucket": True,
    "AWS::RDS::DBCluster": True,
    "AWS::KMS::Key": True,
    "AWS::SecretsManager::Secret": False,
    "AWS::ElastiCache::ReplicationGroup": False,
    "AWS::EFS::FileSystem": True,
}
"""What keeps data, and whether it must survive its stack."""


def stores(resource: Resource) -> Iterator[Fault]:
    """What is wrong with a resource that keeps or moves data."""
    yield from _BY_KIND.get(resource.kind, _nothing)(resource)
    yield from _retention(resource)


def _nothing(resource: Resource) -> Iterator[Fault]:
    yield from ()


def _needs(
    resource: Resource, broken: Rule, key: str, what: str, mend: str = ""
) -> Iterator[Fault]:
    if not is_true(resource.get(key)):
        problem = f"`{resource.name}` {what}."
        yield broken, resource.at(key), problem, mend or f"Write `{key}: true`."


def _bucket(resource: Resource) -> Iterator[Fault]:
    name = resource.name
    if resource.get("BucketEncryption", "ServerSideEncryptionConfiguration") is None:
        mend = "Add BucketEncryption with aws:kms or AES256."
        yield ENCRYPTION, resource.line, f"Bucket `{name}` does not say how it encrypts.", mend
    for block in _BLOCKS:
        if not is_true(resource.get("PublicAccessBlockConfiguration", block)):
            line = resource.at("PublicAccessBlockConfiguration", block)
            yield PUBLIC, line, f"Bucket `{name}` lacks {block}.", f"Write `{block}: true`."
    ownership = resource.get("OwnershipControls", "Rules", 0, "ObjectOwnership")
    if ownership != "BucketOwnerEnforced":
        line = resource.at("OwnershipControls")
        problem = f"Objects in bucket `{name}` can have ACLs and owners of their own."
        yield PUBLIC, line, problem, "Write `ObjectOwnership: BucketOwnerEnforced`."
    if resource.get("VersioningConfiguration", "Status") != "Enabled":
        line = resource.at("VersioningConfiguration", "Status")
        problem = f"What is overwritten or deleted in bucket `{name}` is gone."
        yield BACKUP, line, problem, "Write `VersioningConfiguration: {Status: Enabled}`."
    if not any(_denies_http(policy, name) for policy in _policies(resource.addons)):
        mend = "Add a bucket policy that denies s3:* where aws:SecureTransport is false."
        yield TLS, resource.line, f"Bucket `{name}` answers without TLS, too.", mend


def _policies(addons: Addons) -> Iterator[Map]:
    for _, body, _, _ in addons.entries("Resources"):
        if get(body, "Type") == "AWS::S3::BucketPolicy" and isinstance(body, Map):
            yield body


def _denies_http(policy: Map, bucket: str) -> bool:
    named = {name for _, name, _ in references(get(policy, "Properties", "Bucket"))}
    for statement, _ in statements(policy) if bucket in named else ():
        secure = get(statement, "Condition", "Bool", "aws:SecureTransport")
        if statement.get("Effect") == "Deny" and str(secure).lower() == "false":
            return True
    return False


def _cluster(resource: Resource) -> Iterator[Fault]:
    name = resource.name
    yield from _needs(resource, ENCRYPTION, "StorageEncrypted", "is not encrypted")
    days = _least(resource.get("BackupRetentionPeriod"))
    if days is None or days < 7:
        line = resource.at("BackupRetentionPeriod")
        problem = f"`{name}` keeps backups for {days if days is not None else 1} day(s)."
        yield BACKUP, line, problem, "Write `BackupRetentionPeriod: 7`, or more."
    protection = resource.get("DeletionProtection")
    if not any(is_true(value) for _, value, _ in walk(protection)):
        line = resource.at("DeletionProtection")
        problem = f"`{name}` is not protected from deletion in production."
        yield BACKUP, line, problem, "Write `DeletionProtection: !If [IsProduction, true, false]`."
    group = resource.get("DBClusterParameterGroupName")
    groups = [other for _, other, _ in references(group)]
    forced = [
        str(
            get(
                resource.addons.section("Resources"),
                other,
                "Properties",
                "Parameters",
                "rds.force_ssl",
            )
        )
        for other in groups
    ]
    if forced != ["1"]:
        line = resource.at("DBClusterParameterGroupName")
        problem = f"`{name}` takes connections without TLS."
        mend = "Give it a parameter group with `rds.force_ssl: '1'`."
        yield TLS, line, problem, mend


def _least(value: Any) -> int | None:
    """The smallest number that a value may be, through `!If`."""
    numbers = [n for _, n, _ in walk(value) if isinstance(n, int) and not isinstance(n, bool)]
    return min(numbers) if numbers else None


def _instance(resource: Resource) -> Iterator[Fault]:
    if resource.get("PubliclyAccessible") is not False:
        line = resource.at("PubliclyAccessible")
        problem = f"`{resource.name}` may get a public address."
        yield PUBLIC, line, problem, "Write `PubliclyAccessible: false`."
    if resource.get("DBClusterIdentifier") is None:
        yield from _needs(resource, ENCRYPTION, "StorageEncrypted", "is not encrypted")


def _redis(resource: Resource) -> Iterator[Fault]:
    yield from _needs(
        resource, ENCRYPTION, "AtRestEncryptionEnabled", "is not encrypted on its disks"
    )
    yield from _needs(resource, TLS, "TransitEncryptionEnabled", "speaks without TLS")
    if resource.get("AuthToken") is None and resource.get("UserGroupIds") is None:
        line = resource.at("AuthToken")
        yield TLS, line, f"`{resource.name}` has no password.", "Resolve AuthToken from a secret."


def _file_system(resource: Resource) -> Iterator[Fault]:
    yield from _needs(resource, ENCRYPTION, "Encrypted", "is not encrypted")


def _topic(resource: Resource) -> Iterator[Fault]:
    if resource.get("KmsMasterKeyId") is None and not is_true(resource.get("SqsManagedSseEnabled")):
        problem = f"`{resource.name}` does not encrypt its messages."
        yield ENCRYPTION, resource.line, problem, "Add `KmsMasterKeyId`."


def _key(resource: Resource) -> Iterator[Fault]:
    yield from _needs(resource, ROTATION, "EnableKeyRotation", "never rotates")


def _retention(resource: Resource) -> Iterator[Fault]:
    if resource.kind not in _STATEFUL:
        return
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        policy = resource.body.get(key)
        if policy is None:
            problem = f"`{resource.name}` does not say what becomes of it ({key})."
            yield RETENTION, resource.line, problem, f"Write `{key}: Retain`, or Delete on purpose."
        elif _STATEFUL[resource.kind] and policy not in _KEPT:
            problem = f"The data of `{resource.name}` goes with its stack ({key}: {policy})."
            line = resource.body.line_of(key)
            yield RETENTION, line, problem, f"Write `{key}: Retain` or, for a cluster, Snapshot."


_BY_KIND: dict[str, Callable[[Resource], Iterator[Fault]]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::RDS::DBCluster": _cluster,
    "AWS::RDS::DBInstance": _instance,
    "AWS::ElastiCache::ReplicationGroup": _redis,
    "AWS::EFS::FileSystem": _file_system,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _topic,
    "AWS::KMS::Key": _key,
}
