"""The checks of the preflight that ask AWS: certificate, model access, service quotas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway_lib.deploy.aws import Aws, AwsError, told
from gateway_lib.deploy.check import Check, failed, ok, unknown
from gateway_lib.deploy.site import Site

CERTIFICATE, MODELS, QUOTAS = "certificate", "model access", "service quotas"
_HOW_TO = "docs/how-to/certificate-and-dns.md says how"
_SOON_DAYS = 30


def certificate(site: Site, aws: Aws | None) -> Check:
    """Whether the certificate is issued, in this region, and covers the domain."""
    domain, arn = site.domain, site.certificate
    if not domain or not arn:
        missing = " and ".join(
            name for name, value in (("DOMAIN_NAME", domain), ("CERTIFICATE_ARN", arn)) if not value
        )
        return failed(CERTIFICATE, f"{missing} not set", f"set both in .env; {_HOW_TO}")
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "acm":
        return failed(CERTIFICATE, "CERTIFICATE_ARN is no ARN of ACM", _HOW_TO)
    if site.region and parts[3] != site.region:
        return failed(
            CERTIFICATE,
            f"it is of {parts[3]}, and the load balancer will be in {site.region}",
            "request one in that region, or set AWS_REGION to the certificate's",
        )
    if aws is None:
        return unknown(CERTIFICATE, "not asked, without credentials", "sign in to AWS")
    try:
        with told("ACM"):
            found = aws.client("acm", parts[3]).describe_certificate(CertificateArn=arn)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return failed(CERTIFICATE, "there is no such certificate in the account", _HOW_TO)
        return unknown(CERTIFICATE, str(error), "allow acm:DescribeCertificate")
    return _judged(found["Certificate"], domain)


def _judged(found: Mapping[str, Any], domain: str) -> Check:
    status = found.get("Status")
    if status != "ISSUED":
        return failed(
            CERTIFICATE,
            f"its status is {status}, not ISSUED",
            "create the DNS records that ACM asks for and wait, minutes mostly; " + _HOW_TO,
        )
    names = [found["DomainName"], *found.get("SubjectAlternativeNames", [])]
    if not any(covers(name, domain) for name in names):
        return failed(
            CERTIFICATE,
            f"it covers {', '.join(dict.fromkeys(names))}, not {domain}",
            "request one for DOMAIN_NAME, or set DOMAIN_NAME to a name that it covers",
        )
    until = found.get("NotAfter")
    if isinstance(until, datetime):
        days = (until - datetime.now(UTC)).days
        if days < 0:
            return failed(CERTIFICATE, f"it ended on {until:%Y-%m-%d}", "renew it")
        if days < _SOON_DAYS and found.get("RenewalEligibility") != "ELIGIBLE":
            return ok(CERTIFICATE, f"issued, covers {domain}; it ends on {until:%Y-%m-%d}")
    return ok(CERTIFICATE, f"issued, covers {domain}")


def covers(name: str, domain: str) -> bool:
    """Whether a certificate's name, maybe with a wildcard for one label, is of this domain."""
    name, domain = name.lower().rstrip("."), domain.lower().rstrip(".")
    if name.startswith("*."):
        return domain.partition(".")[2] == name[2:]
    return name == domain


def model_access(models: Iterable[str], aws: Aws | None) -> Check:
    """Whether the account may call the configuration's Bedrock models.

    Args:
        models: Ids of foundation models or of cross-region inference profiles.
        aws: None where there are no credentials.
    """
    wanted = sorted({foundation_model(model) for model in models})
    if not wanted:
        return ok(MODELS, "the configuration has no model of Bedrock's")
    if aws is None:
        return unknown(MODELS, "not asked, without credentials", "sign in to AWS", needed=False)
    client = aws.client("bedrock")
    closed: list[str] = []
    error: AwsError | None = None
    for model in wanted:
        try:
            with told("Bedrock"):
                found = client.get_foundation_model_availability(modelId=model)
        except AwsError as refusal:
            if refusal.code in ("ResourceNotFoundException", "ValidationException"):
                closed.append(f"{model} (not in this region)")
                continue
            error = refusal
            break
        if found["regionAvailability"] != "AVAILABLE":
            closed.append(f"{model} (not in this region)")
        elif found["authorizationStatus"] != "AUTHORIZED" or (
            found["agreementAvailability"]["status"] not in ("AVAILABLE", "NOT_REQUIRED")
        ):
            closed.append(model)
    if error:
        mend = "allow bedrock:GetFoundationModelAvailability, or look in the Bedrock console"
        return unknown(MODELS, str(error), mend, needed=False)
    if not closed:
        return ok(MODELS, f"{len(wanted)} of Bedrock's models may be called")
    mend = "request access in the Bedrock console, or take them out of the configuration"
    listed = f"{len(closed)} of {len(wanted)} models may not be called: {', '.join(closed)}"
    if len(closed) == len(wanted):
        return failed(MODELS, listed, mend)
    return unknown(MODELS, listed, mend, needed=False)


_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "ap", "jp", "au", "ca", "sa", "global")


def foundation_model(model: str) -> str:
    """The foundation model behind an inference profile's id: `us.amazon.nova-lite-v1:0`."""
    first, _, rest = model.partition(".")
    return rest if first in _GEOGRAPHIES else model


@dataclass(frozen=True)
class Quota:
    """A quota that a first deployment comes near to."""

    what: str
    service: str
    code: str
    needs: float
    used: tuple[str, str, str] | None = None
    """Service, operation and key of the answer that tells how many there are."""


FARGATE = Quota("Fargate vCPUs", "fargate", "L-3032A538", 4)
FIRST_DEPLOYMENT = (
    Quota("VPCs", "vpc", "L-F678F1CE", 1, ("ec2", "describe_vpcs", "Vpcs")),
    Quota("elastic IPs", "ec2", "L-0263D0A3", 2, ("ec2", "describe_addresses", "Addresses")),
    Quota(
        "application load balancers",
        "elasticloadbalancing",
        "L-53DA6B97",
        1,
        ("elbv2", "describe_load_balancers", "LoadBalancers"),
    ),
    Quota("Aurora clusters", "rds", "L-952B80B8", 1, ("rds", "describe_db_clusters", "DBClusters")),
    FARGATE,
)


def quotas(aws: Aws | None, wanted: Iterable[Quota] = FIRST_DEPLOYMENT) -> Check:
    """Whether a first deployment fits into the account's quotas."""
    if aws is None:
        return unknown(QUOTAS, "not asked, without credentials", "sign in to AWS", needed=False)
    short: list[str] = []
    fits: list[str] = []
    silent: list[str] = []
    for quota in wanted:
        try:
            limit, used = _limit(aws, quota), _used(aws, quota)
        except AwsError:
            silent.append(quota.what)
            continue
        words = f"{quota.what} {used:g} of {limit:g} used, {quota.needs:g} more needed"
        (fits if used + quota.needs <= limit else short).append(words)
    if short:
        return failed(
            QUOTAS, "; ".join(short), "raise them in Service Quotas, or remove unused ones"
        )
    if silent:
        mend = "allow servicequotas:GetServiceQuota and Describe* of the service, or look in the console"
        left = f"{'; '.join(fits)}; " if fits else ""
        return unknown(QUOTAS, f"{left}not told: {', '.join(silent)}", mend, needed=False)
    return ok(QUOTAS, "; ".join(fits))


def _limit(aws: Aws, quota: Quota) -> float:
    """The account's own value, else AWS's default for everybody."""
    client = aws.client("service-quotas")
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        with told("Service Quotas"):
            found = client.get_service_quota(**asked)
    except AwsError:
        with told("Service Quotas"):
            found = client.get_aws_default_service_quota(**asked)
    return float(found["Quota"]["Value"])


def _used(aws: Aws, quota: Quota) -> float:
    if quota.used is None:
        return 0.0
    service, operation, key = quota.used
    with told(service):
        client = aws.client(service)
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate()
            return float(sum(len(page[key]) for page in pages))
        return float(len(getattr(client, operation)()[key]))
