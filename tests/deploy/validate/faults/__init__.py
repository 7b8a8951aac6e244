"""Every planted fault, by kind."""

from tests.deploy.validate.faults.addons import ADDON_FAULTS
from tests.deploy.validate.faults.containers import CONTAINER_FAULTS
from tests.deploy.validate.faults.manifests import MANIFEST_FAULTS
from tests.deploy.validate.faults.overrides import OVERRIDE_FAULTS
from tests.deploy.validate.faults.routing import ROUTING_FAULTS
from tests.deploy.validate.faults.security import SECURITY_FAULTS

FAULTS = [
    *MANIFEST_FAULTS,
    *ROUTING_FAULTS,
    *CONTAINER_FAULTS,
    *OVERRIDE_FAULTS,
    *ADDON_FAULTS,
    *SECURITY_FAULTS,
]
