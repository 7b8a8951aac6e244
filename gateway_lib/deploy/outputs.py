"""What a deployment left behind, read back: where the gateway is, and what to point DNS at."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from gateway_lib.deploy.aws import Aws, AwsError
from gateway_lib.deploy.copilot import Copilot
from gateway_lib.deploy.site import SERVICE, Site
from gateway_lib.errors import CopilotFailed


@dataclass(frozen=True)
class Outputs:
    """The outputs of an environment."""

    url: str
    """Base URL of the gateway."""
    load_balancer: str
    """Its DNS name, which the domain's record has to point at; empty where it may not be read."""
    account: str
    region: str
    services: tuple[str, ...]
    cpu: str
    memory: str
    tasks: str
    call_logs: str
    """Name of the bucket with the records of calls; empty where the service has none."""

    def document(self) -> dict[str, Any]:
        return asdict(self)


def read_back(site: Site, copilot: Copilot, aws: Aws) -> Outputs:
    """Ask Copilot what runs and where.

    Raises:
        CopilotFailed: It does not tell, or the service is not in the environment.
    """
    service = copilot.ask_json(["svc", "show", "--name", SERVICE])
    environment = copilot.ask_json(["env", "show", "--name", site.environment])
    routes = _of_environment(service.get("routes"), site.environment)
    sizes = _of_environment(service.get("configurations"), site.environment)
    urls = re.findall(r"https?://[^\s,\"]+", str(routes.get("url", "")))
    if not urls:
        raise CopilotFailed(f"`copilot svc show` names no URL of {SERVICE} in {site.environment}")
    wanted = f"https://{site.domain}"
    about = environment.get("environment") or {}
    return Outputs(
        url=wanted if wanted in urls else urls[0],
        load_balancer=_load_balancer(site, aws),
        account=str(about.get("accountID", "")),
        region=str(about.get("region", "")),
        services=tuple(str(s["name"]) for s in environment.get("services") or [] if s),
        cpu=str(sizes.get("cpu", "")),
        memory=str(sizes.get("memory", "")),
        tasks=str(sizes.get("tasks", "")),
        call_logs=_variable(service.get("variables"), site.environment, _CALL_LOGS),
    )


_CALL_LOGS = "LOG_BUCKET_NAME"


def _variable(entries: Any, environment: str, name: str) -> str:
    """Value of a variable of the service's containers."""
    of_name = [e for e in entries or [] if isinstance(e, dict) and e.get("name") == name]
    return str(_of_environment(of_name, environment).get("value", ""))


def _of_environment(entries: Any, environment: str) -> dict[str, Any]:
    found = [
        e for e in entries or [] if isinstance(e, dict) and e.get("environment") == environment
    ]
    return found[0] if found else {}


def _load_balancer(site: Site, aws: Aws) -> str:
    try:
        found = aws.outputs(f"{site.application}-{site.environment}")
    except AwsError:
        return ""
    return found.get("PublicLoadBalancerDNSName", "")
