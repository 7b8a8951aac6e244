"""Deploying the gateway: the Copilot tree, its validation, and the driver of the `copilot` command.

::

    from gateway_lib import deploy

    deployment = deploy.open_deployment("dev")
    prepared = deployment.prepare()          # looks, and changes nothing
    outcome = deployment.apply(prepared)     # Copilot's commands in order, then the proof
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gateway_lib.deploy.check import Check, State
from gateway_lib.deploy.cost import Estimate
from gateway_lib.deploy.deployment import Deployment, Outcome, Prepared
from gateway_lib.deploy.site import Site, Target

__all__ = [
    "Check",
    "Deployment",
    "Outcome",
    "Prepared",
    "Site",
    "State",
    "Target",
    "estimate_of",
    "estimates",
    "open_deployment",
]


def open_deployment(
    target: str,
    *,
    report: Callable[[str], None] = lambda line: None,
    variables: Mapping[str, str] | None = None,
    root: Path | None = None,
    prices: Path | None = None,
    model: str = "",
    cfn_lint: bool = True,
) -> Deployment:
    """A deployment to a target.

    Args:
        target: `local`, `dev` or `prod`.
        report: Takes a line for people at a time.
        variables: The user's; those of the process and `.env` when not given.
        root: The checkout; this one when not given.
        prices: A price list to lay over the built-in one.
        model: What the proof calls; a cheap one of Bedrock's when not given.
        cfn_lint: Whether validate runs cfn-lint too, which takes seconds.

    Raises:
        DeployError: There is no such target.
    """
    from gateway_lib.deploy.on_aws import AwsDeployment
    from gateway_lib.deploy.on_this_machine import LocalDeployment
    from gateway_lib.deploy.proof import MODEL

    site = Site.of(target, variables, **({"root": root} if root else {}))
    chosen = model or MODEL
    if site.target is Target.LOCAL:
        return LocalDeployment(site, report, chosen, cfn_lint=cfn_lint)
    return AwsDeployment(site, report, prices, chosen, cfn_lint=cfn_lint)


def estimates(prepared: Prepared, prices: Path | None = None) -> list[Estimate]:
    """What each environment on AWS costs, to compare; of a target on AWS its own alone.

    Args:
        prepared: What was found.
        prices: A price list to lay over the built-in one.
    """
    from gateway_lib.deploy.cost import estimate
    from gateway_lib.deploy.prices import read_prices

    site = prepared.site
    if site.target is not Target.LOCAL:
        return [prepared.estimate]
    known = read_prices(site.root, prices)
    return [estimate(Site(t, site.root, site.variables), known) for t in (Target.DEV, Target.PROD)]


def estimate_of(target: str, root: Path | None = None) -> Estimate | None:
    """What an environment costs a month, by the tree and its price list.

    Args:
        target: `dev` or `prod`; `local` costs nothing.
        root: The checkout; this one when not given.

    Returns:
        None where there is no tree, as in the image of the nightly evaluation.

    Raises:
        DeployError: There is no such target, or its tree cannot be read.
    """
    from gateway_lib.deploy.cost import estimate
    from gateway_lib.deploy.prices import read_prices

    site = Site.of(target, root=root) if root else Site.of(target)
    if not (site.root / "copilot").is_dir():
        return None
    return estimate(site, read_prices(site.root))
