"""HTTPS: certificates of an environment and aliases of the services in it, all or nothing."""

from __future__ import annotations

import re

from gateway_lib.deploy.tree.checks.routing import aliases
from gateway_lib.deploy.tree.context import Context, View
from gateway_lib.deploy.tree.nodes import Map, get, line_at
from gateway_lib.deploy.tree.rule import rule

ALIAS = rule(
    "https/alias-missing",
    "Where an environment has certificates, every rule of every service has an `alias`.",
)
CERTIFICATE = rule(
    "https/certificate-missing",
    "Where a rule has an `alias`, the environment has `http.public.certificates`.",
)
ARN = rule(
    "https/certificate-arn",
    "A certificate is the ARN of one in ACM; that of the CDN is in us-east-1.",
)
HOST = rule("https/host", "An alias is a host name: no scheme, no path, no port, no blank.")
ZONE = rule(
    "https/hosted-zone",
    "`hosted_zone` stands beside an alias, and only where certificates are imported and there is no CDN.",
)
CDN = rule(
    "https/cdn",
    "`http.public.ingress.cdn` needs `cdn`; with certificates at the load balancer the CDN has one, too.",
)
_ARN = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[A-Za-z0-9-]+")
_HOST = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def check(context: Context) -> None:
    """Look at environments, then at every rule in each of them."""
    for name, manifest in context.environments.items():
        _environment(context, name, manifest)
    for view in context.views:
        if view.is_service:
            _service(context, view)


def certificates_of(context: Context, environment: str) -> list[object]:
    found = get(context.environments[environment], "http", "public", "certificates")
    return list(found) if isinstance(found, list) else []


def _environment(context: Context, name: str, manifest: Map) -> None:
    report, path = context.report, context.tree.environments[name].path
    for number, certificate in enumerate(certificates_of(context, name)):
        if isinstance(certificate, str) and certificate.strip() and "${" not in certificate:
            _arn(context, name, certificate, ("http", "public", "certificates", number))
    cdn = manifest.get("cdn")
    if get(manifest, "http", "public", "ingress", "cdn") is True and not cdn:
        line = line_at(manifest, "http", "public", "ingress", "cdn")
        problem = "Only the CDN is let in, and there is none."
        report.add(CDN, path, line, problem, "Add `cdn: true`, or remove this key.")
    own = get(manifest, "cdn", "certificate")
    if cdn and certificates_of(context, name) and own is None:
        problem = "The load balancer has certificates and the CDN has none."
        mend = "Add `cdn: {certificate: ...}` with one that is in us-east-1."
        report.add(CDN, path, line_at(manifest, "cdn"), problem, mend, "certificate")
    if isinstance(own, str) and "${" not in own:
        _arn(context, name, own, ("cdn", "certificate"), region="us-east-1")


def _arn(
    context: Context, name: str, text: str, place: tuple[str | int, ...], region: str = ""
) -> None:
    match = _ARN.fullmatch(text)
    if match and region in ("", match[1]):
        return
    line = line_at(context.environments[name], *place)
    problem = "This is not the ARN of a certificate" + (f" in {region}." if region else ".")
    mend = "Write arn:aws:acm:<region>:<account>:certificate/<id>, or set the variable to it."
    context.report.add(ARN, context.tree.environments[name].path, line, problem, mend)


def _service(context: Context, view: View) -> None:
    report, secured = context.report, bool(certificates_of(context, view.environment))
    secured = secured or get(context.environments[view.environment], "cdn") not in (None, False)
    cdn = context.environments[view.environment].get("cdn")
    for place, rule_ in view.rules():
        hosts = aliases(rule_)
        if secured and not hosts:
            problem = (
                f"`{view.environment}` has certificates, and this rule has no alias; Copilot stops."
            )
            mend = "Add `alias: ${DOMAIN_NAME}`."
            report.add(ALIAS, view.path, view.line(*place), problem, mend)
        if hosts and not secured:
            problem = f"This rule has an alias, and `{view.environment}` no certificate for it."
            mend = "Add `http.public.certificates: [${CERTIFICATE_ARN}]` to the environment."
            report.add(CERTIFICATE, view.path, view.line(*place, "alias"), problem, mend)
        for host in hosts:
            if host.strip() and "${" not in host and not _HOST.fullmatch(host.lower()):
                problem = "This alias is not a host name."
                mend = "Write only the name, such as gateway.example.com."
                report.add(HOST, view.path, view.line(*place, "alias"), problem, mend)
        alias = rule_.get("alias")
        zoned = "hosted_zone" in rule_ or any(
            isinstance(one, Map) and "hosted_zone" in one
            for one in (alias if isinstance(alias, list) else [])
        )
        if zoned and (not hosts or cdn or not certificates_of(context, view.environment)):
            problem = (
                "A hosted zone is used with an alias and imported certificates, and without a CDN."
            )
            mend = "Remove it and point DNS at the load balancer, or import the certificate."
            line = view.line(*place, "hosted_zone" if "hosted_zone" in rule_ else "alias")
            report.add(ZONE, view.path, line, problem, mend)
