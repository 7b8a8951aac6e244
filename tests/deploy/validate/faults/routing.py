"""Faults of rules of the load balancer, of HTTPS and of networks."""

from __future__ import annotations

from tests.deploy.validate.fault import DEV, JOB, PROD, SERVICE, Edit, edit

_HTTP = "  deregistration_delay: 300s"
_ALIAS = "  alias: ${DOMAIN_NAME}\n"
_RULE = "    - path: /{0}\n      alias: ${{DOMAIN_NAME}}\n"


def _rules(count: int, last: str = "") -> str:
    rules = "".join(_RULE.format(f"r{n}") for n in range(count))
    return f"  additional_rules:\n{rules}{last}{_HTTP}"


_FIVE = "      additional_rules:\n" + "".join(
    f"        - path: /r{n}{'§' if n == 4 else ''}\n          alias: ${{DOMAIN_NAME}}\n"
    for n in range(5)
)
ROUTING_FAULTS = [
    edit("http/path", SERVICE, "\nhttp:\n  path: / #", "\nhttp:§\n  #"),
    edit("http/path", SERVICE, _HTTP, f"  additional_rules:\n    - alias: ${{DOMAIN_NAME}}§\n{_HTTP}"),
    edit("http/target-groups", SERVICE, _HTTP, _rules(4, "    - path: /r9§\n      alias: ${DOMAIN_NAME}\n")),
    edit("http/target-groups", SERVICE, "      deregistration_delay: 60s\n", _FIVE),
    edit("http/condition-values", SERVICE, _ALIAS, "  alias: [a.example.com, b.example.com, c.example.com, d.example.com, e.example.com]§\n"),
    edit("http/condition-values", SERVICE, "  path: / #", "  path: /foo #", Edit(SERVICE, _ALIAS, "  alias: [a.example.com, b.example.com, c.example.com, d.example.com]§\n")),
    edit("http/condition-values", SERVICE, _ALIAS, _ALIAS.replace("\n", "§\n") + "  allowed_source_ips: [10.0.0.0/8, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]\n"),
    edit("http/health-timing", SERVICE, "    interval: 10s\n    timeout: 5s\n    healthy", "    interval: 10s\n    timeout: 15s§\n    healthy"),
    edit("http/health-timing", SERVICE, "    interval: 10s\n    timeout: 5s\n    healthy", "    interval: 3s\n    timeout: 2s§\n    healthy"),
    edit("http/health-timing", SERVICE, "      deregistration_delay: 60s", "      deregistration_delay: 60s\n      healthcheck:\n        interval: 5s\n        timeout: 5s§"),
    edit("http/health-threshold", SERVICE, "    unhealthy_threshold: 10", "    unhealthy_threshold: 11§"),
    edit("http/health-threshold", SERVICE, "    healthy_threshold: 2", "    healthy_threshold: 1§"),
    edit("http/grace-period", SERVICE, _HTTP, f"{_rules(1)}".replace(_HTTP, "      healthcheck:\n        path: /x\n        grace_period: 60s§\n" + _HTTP)),
    edit("http/deregistration-delay", SERVICE, _HTTP, "  deregistration_delay: 2h§"),
    edit("http/target", SERVICE, _HTTP, f"  target_container: litelm§\n{_HTTP}"),
    edit("http/target", SERVICE, "    port: 4000\n", "", Edit(SERVICE, _HTTP, f"  target_container: litellm§\n{_HTTP}")),
    edit("http/target", SERVICE, _HTTP, f"  target_container: gateway\n  target_port: 4000§\n{_HTTP}"),
    edit("http/same-path", SERVICE, _HTTP, f"  additional_rules:\n    - path: /§\n      alias: ${{DOMAIN_NAME}}\n{_HTTP}"),
    edit("http/source-ip", SERVICE, _HTTP, f"  allowed_source_ips: [203.0.113.0/240]§\n{_HTTP}"),
    # HTTPS
    edit("https/alias-missing", SERVICE, f"\nhttp:\n  path: / # one rule for everything: the middleware passes on what is LiteLLM's\n{_ALIAS}", "\nhttp:§\n  path: /\n"),
    edit("https/alias-missing", SERVICE, _HTTP, f"  additional_rules:\n    - path: /metrics§\n{_HTTP}"),
    edit("https/certificate-missing", DEV, "    certificates:\n      - ${CERTIFICATE_ARN}\n", "", Edit(SERVICE, _ALIAS, "  alias: ${DOMAIN_NAME}§\n"), also=("override/runtime-not-patched",)),
    edit("https/certificate-missing", PROD, "    certificates:\n      - ${CERTIFICATE_ARN}\n", "    certificates: []\n", Edit(SERVICE, _ALIAS, "  alias: ${DOMAIN_NAME}§\n"), also=("override/runtime-not-patched",)),
    edit("https/certificate-arn", DEV, "- ${CERTIFICATE_ARN}", "- gateway.example.com§"),
    edit("https/certificate-arn", PROD, "\nhttp:", "\ncdn:\n  certificate: arn:aws:acm:eu-west-1:123456789012:certificate/0a§\nhttp:", also=("override/runtime-not-patched",)),
    edit("https/host", SERVICE, _ALIAS, "  alias: https://${DOMAIN_NAME}§\n"),
    edit("https/host", SERVICE, _ALIAS, "  alias: ${DOMAIN_NAME}§\n", variables={"DOMAIN_NAME": "gateway"}),
    edit("https/hosted-zone", PROD, "\nhttp:", "\ncdn:\n  certificate: arn:aws:acm:us-east-1:123456789012:certificate/0a\nhttp:", Edit(SERVICE, _ALIAS, f"{_ALIAS}  hosted_zone: Z0873220N255IR3MTNR4§\n"), also=("override/runtime-not-patched",)),
    edit("https/cdn", DEV, "    access_logs: true", "    ingress:\n      cdn: true§\n    access_logs: true"),
    edit("https/cdn", PROD, "\nhttp:", "\ncdn: true§\nhttp:", also=("override/runtime-not-patched",)),
    # networks
    edit("network/placement", SERVICE, "    placement: private", "    placement: public§"),
    edit("network/placement", JOB, "network:\n  vpc:\n    placement: private\n", "", line=0),
    edit("network/placement", SERVICE, "    count:\n", "    network:\n      vpc:\n        placement: public§\n    count:\n"),
    edit("network/security-groups", SERVICE, "      - from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-Data", "      from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}§-Data"),
    edit("network/subnets", DEV, "    flow_logs:", "    cidr: 10.0.0.0/16\n    subnets:§\n      public: [{cidr: 10.0.0.0/24}, {cidr: 10.0.1.0/24}]\n      private: [{cidr: 10.0.2.0/24}]\n    flow_logs:"),
    edit("network/subnets", DEV, "    flow_logs:", "    cidr: 10.0.0.0/16\n    subnets:\n      public: [{cidr: 10.0.0.0/24}, {cidr: 10.0.1.0/24}]\n      private:\n        - cidr: 10.0.2.0/24\n        - cidr: 10.1.3.0/24§\n    flow_logs:"),
    edit("network/subnets", PROD, "    flow_logs:", "    cidr: 10.0.0.0/16\n    subnets:\n      public:§\n        - {cidr: 10.0.0.0/24, az: us-east-1a}\n        - {cidr: 10.0.1.0/24, az: us-east-1a}\n      private: [{cidr: 10.0.2.0/24}, {cidr: 10.0.3.0/24}]\n    flow_logs:"),
]
