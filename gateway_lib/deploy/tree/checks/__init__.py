"""The checks of `gateway validate`, one module for each kind of fault."""

from gateway_lib.deploy.tree.checks import (
    addons,
    containers,
    exports,
    https,
    images,
    job,
    layout,
    network,
    outputs,
    overrides,
    routing,
    runtimes,
    secrets,
    security,
    sizes,
    variables,
)

CHECKS = (
    layout.check,
    variables.check,
    sizes.check,
    routing.check,
    https.check,
    containers.check,
    images.check,
    network.check,
    secrets.check,
    exports.check,
    job.check,
    overrides.check,
    addons.check,
    outputs.check,
    runtimes.check,
    security.check,
)
"""In this order; each takes a context and puts what it finds into its report."""

__all__ = ["CHECKS"]
