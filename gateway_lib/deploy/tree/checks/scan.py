"""The rules of the security scan, and what its parts look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib.deploy.tree.addons import Addons
from gateway_lib.deploy.tree.nodes import Map, get, line_at
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


@dataclass(frozen=True)
class Resource:
    """One resource of a merged template."""

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


Fault = tuple[Rule, int, str, str]
"""Rule, line, problem and mend."""


def is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
