"""A security scan of the merged addons: encryption, access, transport, rights, and what is kept.

What is meant to be as it is says so in the resource: `Metadata: {gateway: {accept: {<rule>: <reason>}}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.addons import Addons, references
from gateway_lib.deploy.tree.context import Context
from gateway_lib.deploy.tree.nodes import Map, Seq, get, line_at, walk
from gateway_lib.deploy.tree.rule import Rule, rule

ENCRYPTION = rule(
    "security/encryption",
    "What keeps data encrypts it: buckets, database clusters, Redis, file systems, topics and queues.",
)
PUBLIC = rule(
    "security/public-access",
    "Buckets block all four kinds of public access and give nobody rights by ACL; databases have no public"
    " address; no resource policy allows everybody.",
)
TLS = rule(
    "security/tls",
    "Data moves encrypted: Redis has TLS and a password, PostgreSQL forces it (`rds.force_ssl`), a bucket"
    " policy denies what is not HTTPS.",
)
WILDCARD = rule(
    "security/wildcard",
    "A policy that allows names its actions and its resources: no `*` alone, no `service:*`.",
)
INGRESS = rule("security/open-ingress", "No security group lets the whole internet in.")
RETENTION = rule(
    "security/retention",
    "What keeps data says what becomes of it (`DeletionPolicy`, `UpdateReplacePolicy`), and buckets and"
    " database clusters are retained or leave a snapshot.",
)
BACKUP = rule(
    "security/backup",
    "A database cluster keeps backups for 7 days or more and, in production, is protected from deletion;"
    " buckets have versions.",
)
CLEAR = rule(
    "security/secret-in-template",
    "No template holds a secret: passwords are resolved from Secrets Manager, parameters for them have"
    " `NoEcho` and no Default.",
)
ROTATION = rule("security/key-rotation", "A KMS key rotates.")
REASON = rule(
    "security/unexplained",
    "An accepted finding names a rule of the scan and gives a reason.",
)
SCAN = (ENCRYPTION, PUBLIC, TLS, WILDCARD, INGRESS, RETENTION, BACKUP, CLEAR, ROTATION)
_EVERYWHERE = ("0.0.0.0/0", "::/0")
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
_UNBOUND = (
    "ecr:getauthorizationtoken logs:describeloggroups cloudwatch:putmetricdata xray:puttracesegments"
    " xray:puttelemetryrecords ec2:describenetworkinterfaces bedrock:listfoundationmodels"
    " bedrock:listinferenceprofiles cloudwatch:getmetricdata sts:getcalleridentity"
)
_WITHOUT_RESOURCE = frozenset(_UNBOUND.split())
"""Actions that AWS allows on everything or not at all."""
_PASSWORDS = frozenset({"MasterUserPassword", "AuthToken", "SecretString", "Password", "Passwords"})


@dataclass(frozen=True)
class _Resource:
    name: str
    kind: str
    body: Map
    path: Path
    line: int
    addons: Addons

    def get(self, *parts: str | int) -> Any:
        return get(self.body, "Properties", *parts)

    def at(self, *parts: str | int) -> int:
        return line_at(self.body, "Properties", *parts) or self.line


_Fault = tuple[Rule, int, str, str]


def check(context: Context) -> None:
    """Look at every resource of every addon."""
    folders = [context.tree.addons, *(w.addons for w in context.tree.workloads.values())]
    for addons in folders:
        if addons is None:
            continue
        for name, body, path, line in addons.entries("Resources"):
            if isinstance(body, Map):
                _scan(context, _Resource(name, str(body.get("Type")), body, path, line, addons))
        for name, body, path, line in addons.entries("Parameters"):
            secret = any(word in name.lower() for word in ("password", "secret", "token", "apikey"))
            default = get(body, "Default")
            if secret and isinstance(default, str) and default and not default.startswith("{{"):
                problem = f"Parameter `{name}` has its secret as Default."
                mend = "Remove the Default, add `NoEcho: true`, or use Secrets Manager."
                at = line_at(body, "Default") or line
                context.report.add(CLEAR, path, at, problem, mend)


def _scan(context: Context, resource: _Resource) -> None:
    accepted = _accepted(context, resource)
    for fault in _faults(resource):
        broken, line, problem, mend = fault
        if broken.name not in accepted:
            context.report.add(broken, resource.path, line, problem, mend, problem)


def _accepted(context: Context, resource: _Resource) -> set[str]:
    given = get(resource.body, "Metadata", "gateway", "accept")
    names = {one.name for one in SCAN}
    accepted = set()
    for name, reason in given.items() if isinstance(given, Map) else ():
        if name in names and isinstance(reason, str) and len(reason.split()) >= 3:
            accepted.add(name)
            continue
        why = "gives no reason" if name in names else "is no rule of the scan"
        problem = f"`{resource.name}` accepts `{name}`, which {why}."
        mend = "Write `<rule>: <why it is right here>`, in three words or more."
        line = line_at(resource.body, "Metadata", "gateway", "accept", name)
        context.report.add(REASON, resource.path, line, problem, mend, name)
    return accepted


def _faults(resource: _Resource) -> Iterator[_Fault]:
    yield from _BY_KIND.get(resource.kind, _nothing)(resource)
    yield from _retention(resource)
    yield from _literals(resource)
    for statement, line in _statements(resource.body):
        yield from _statement(resource, statement, line)


def _nothing(resource: _Resource) -> Iterator[_Fault]:
    yield from ()


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _needs(
    resource: _Resource, broken: Rule, key: str, what: str, mend: str = ""
) -> Iterator[_Fault]:
    if not _is_true(resource.get(key)):
        problem = f"`{resource.name}` {what}."
        yield broken, resource.at(key), problem, mend or f"Write `{key}: true`."


def _bucket(resource: _Resource) -> Iterator[_Fault]:
    name = resource.name
    if resource.get("BucketEncryption", "ServerSideEncryptionConfiguration") is None:
        mend = "Add BucketEncryption with aws:kms or AES256."
        yield ENCRYPTION, resource.line, f"Bucket `{name}` does not say how it encrypts.", mend
    for block in _BLOCKS:
        if not _is_true(resource.get("PublicAccessBlockConfiguration", block)):
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
    for statement, _ in _statements(policy) if bucket in named else ():
        secure = get(statement, "Condition", "Bool", "aws:SecureTransport")
        if statement.get("Effect") == "Deny" and str(secure).lower() == "false":
            return True
    return False


def _cluster(resource: _Resource) -> Iterator[_Fault]:
    name = resource.name
    yield from _needs(resource, ENCRYPTION, "StorageEncrypted", "is not encrypted")
    days = _least(resource.get("BackupRetentionPeriod"))
    if days is None or days < 7:
        line = resource.at("BackupRetentionPeriod")
        problem = f"`{name}` keeps backups for {days if days is not None else 1} day(s)."
        yield BACKUP, line, problem, "Write `BackupRetentionPeriod: 7`, or more."
    protection = resource.get("DeletionProtection")
    if not any(_is_true(value) for _, value, _ in walk(protection)):
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


def _instance(resource: _Resource) -> Iterator[_Fault]:
    if resource.get("PubliclyAccessible") is not False:
        line = resource.at("PubliclyAccessible")
        problem = f"`{resource.name}` may get a public address."
        yield PUBLIC, line, problem, "Write `PubliclyAccessible: false`."
    if resource.get("DBClusterIdentifier") is None:
        yield from _needs(resource, ENCRYPTION, "StorageEncrypted", "is not encrypted")


def _redis(resource: _Resource) -> Iterator[_Fault]:
    yield from _needs(
        resource, ENCRYPTION, "AtRestEncryptionEnabled", "is not encrypted on its disks"
    )
    yield from _needs(resource, TLS, "TransitEncryptionEnabled", "speaks without TLS")
    if resource.get("AuthToken") is None and resource.get("UserGroupIds") is None:
        line = resource.at("AuthToken")
        yield TLS, line, f"`{resource.name}` has no password.", "Resolve AuthToken from a secret."


def _file_system(resource: _Resource) -> Iterator[_Fault]:
    yield from _needs(resource, ENCRYPTION, "Encrypted", "is not encrypted")


def _topic(resource: _Resource) -> Iterator[_Fault]:
    if resource.get("KmsMasterKeyId") is None and not _is_true(
        resource.get("SqsManagedSseEnabled")
    ):
        problem = f"`{resource.name}` does not encrypt its messages."
        yield ENCRYPTION, resource.line, problem, "Add `KmsMasterKeyId`."


def _key(resource: _Resource) -> Iterator[_Fault]:
    yield from _needs(resource, ROTATION, "EnableKeyRotation", "never rotates")


def _group(resource: _Resource) -> Iterator[_Fault]:
    rules = resource.get("SecurityGroupIngress")
    if isinstance(rules, Map):
        rules = [rules]
    for number, one in enumerate(rules if isinstance(rules, list) else []):
        yield from _ingress(
            resource, one, line_at(one) or resource.at("SecurityGroupIngress", number)
        )


def _single_ingress(resource: _Resource) -> Iterator[_Fault]:
    yield from _ingress(resource, resource.body.get("Properties"), resource.line)


def _ingress(resource: _Resource, given: Any, line: int) -> Iterator[_Fault]:
    for key in ("CidrIp", "CidrIpv6"):
        if get(given, key) in _EVERYWHERE:
            at = line_at(given, key) or line
            problem = f"`{resource.name}` lets the whole internet in."
            yield INGRESS, at, problem, "Name a source group: `SourceSecurityGroupId`."


def _retention(resource: _Resource) -> Iterator[_Fault]:
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


def _literals(resource: _Resource) -> Iterator[_Fault]:
    for place, value, line in walk(resource.body.get("Properties")):
        key = str(place[-1]) if place else ""
        text = value.get("Fn::Sub") if isinstance(value, Map) else value
        if (
            key in _PASSWORDS
            and isinstance(text, str)
            and text.strip("{} ")
            and "{{resolve:" not in text
        ):
            problem = f"`{resource.name}` has {key} in clear."
            mend = "Write `{{resolve:secretsmanager:...}}` or GenerateSecretString."
            yield CLEAR, line or resource.line, problem, mend


def _statements(body: Any) -> Iterator[tuple[Map, int]]:
    for place, value, line in walk(body):
        if isinstance(value, Map) and "Effect" in value and "Statement" in place:
            yield value, line or value.line


def _texts(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, Seq):
        return [(one, value.line_of(n)) for n, one in enumerate(value) if isinstance(one, str)]
    return [(value, 0)] if isinstance(value, str) else []


def _statement(resource: _Resource, statement: Map, line: int) -> Iterator[_Fault]:
    if statement.get("Effect") != "Allow":
        return
    name = resource.name
    principal = statement.get("Principal")
    open_to = [text for _, text, _ in walk(principal) if text == "*"]
    if open_to and not statement.get("Condition"):
        at = statement.line_of("Principal")
        problem = f"`{name}` allows everybody."
        yield PUBLIC, at, problem, "Name the principal, or add a Condition."
    # the policy of a key speaks of that key alone: `*` is the only resource there is
    if resource.kind == "AWS::KMS::Key":
        return
    actions = _texts(statement.get("Action"))
    for action, at in actions:
        if action == "*" or action.endswith(":*"):
            where = at or statement.line_of("Action")
            problem = f"`{name}` allows `{action}`."
            yield WILDCARD, where, problem, "Name the actions that are used."
    bound = {action.lower() for action, _ in actions} - _WITHOUT_RESOURCE
    for target, at in _texts(statement.get("Resource")):
        if target == "*" and bound and not statement.get("Condition"):
            where = at or statement.line_of("Resource")
            problem = f"`{name}` allows {', '.join(sorted(bound))} on everything."
            yield WILDCARD, where, problem, "Name the ARNs, with `*` in their last part at most."
    for key in ("NotAction", "NotResource", "NotPrincipal"):
        if key in statement:
            at = statement.line_of(key)
            yield WILDCARD, at, f"`{name}` allows all but some ({key}).", "Name what is allowed."


_BY_KIND: dict[str, Callable[[_Resource], Iterator[_Fault]]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::RDS::DBCluster": _cluster,
    "AWS::RDS::DBInstance": _instance,
    "AWS::ElastiCache::ReplicationGroup": _redis,
    "AWS::EFS::FileSystem": _file_system,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _topic,
    "AWS::KMS::Key": _key,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _single_ingress,
}
