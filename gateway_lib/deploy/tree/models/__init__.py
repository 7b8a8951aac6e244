"""Strict models of Copilot's manifests: the keys it knows, and what it takes as their values.

Nothing is required here that an environment may add: what must be there is asked of the manifest as each
environment sees it, by `gateway_lib.deploy.tree.checks`.
"""

from gateway_lib.deploy.tree.models.environment import EnvironmentManifest
from gateway_lib.deploy.tree.models.job import ScheduledJobManifest
from gateway_lib.deploy.tree.models.service import ServiceManifest

__all__ = ["EnvironmentManifest", "ScheduledJobManifest", "ServiceManifest"]
