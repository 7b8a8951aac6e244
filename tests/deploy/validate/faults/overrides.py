"""Faults of patches: their form, and paths that are missing somewhere."""

from __future__ import annotations

from tests.deploy.validate.fault import DEV, ENV_PATCHES, PATCHES, PROD, SERVICE, Edit, Fault, edit

_RUNTIME = "/Properties/Runtime\n  value: nodejs24.x"
OVERRIDE_FAULTS = [
    edit("override/form", PATCHES, f"- op: replace\n  path: /Resources/RulePriorityFunction{_RUNTIME}", f"- op: update§\n  path: /Resources/RulePriorityFunction{_RUNTIME}"),
    edit("override/form", PATCHES, "  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0/StopTimeout\n  value: 120", "  path: Resources/TaskDefinition/Properties/ContainerDefinitions/0/StopTimeout\n  value: 120", Edit(PATCHES, "- op: add\n  path: Res", "- op: add§\n  path: Res")),
    edit("override/form", PATCHES, "ContainerDefinitions/0/StopTimeout\n  value: 120", "ContainerDefinitions/0/StopTimeout\n  values: 120", Edit(PATCHES, "- op: add\n  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0", "- op: add§\n  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0")),
    edit("override/form", ENV_PATCHES, f"- op: replace\n  path: /Resources/BucketCleanerFunction{_RUNTIME}", f"- op: add\n  path: /Resources/BucketCleanerFunction{_RUNTIME}\n- remove VPC§"),
    edit("override/unknown-path", ENV_PATCHES, f"/Resources/BucketCleanerFunction{_RUNTIME}", f"/Resources/BucketCleanerFuncton/Properties/Runtime§\n  value: nodejs24.x", also=("override/runtime-not-patched",)),
    edit("override/unknown-path", PATCHES, "ContainerDefinitions/1/StopTimeout", "ContainerDefinitions/2/StopTimeout§"),
    edit("override/unknown-path", PATCHES, f"/Resources/EnvControllerFunction{_RUNTIME}", f"/Resources/EnvControllerFunction{_RUNTIME}\n- op: replace\n  path: /Resources/EnvControllerFunction/Properties/Runtimes§\n  value: nodejs24.x"),
    edit("override/missing-in-environment", SERVICE, "    count:\n      range: 1-2", "    count: 1\n    #", Edit(PATCHES, "/Resources/DynamicDesiredCountFunction/Properties/Runtime", "/Resources/DynamicDesiredCountFunction/Properties/Runtime§")),
    edit("override/missing-in-environment", PROD, "    access_logs: true", "    access_logs: false", Edit(ENV_PATCHES, "/Resources/BucketCleanerFunction/Properties/Runtime", "/Resources/BucketCleanerFunction/Properties/Runtime§")),
    edit("override/missing-in-environment", DEV, "    access_logs: true", "    access_logs:\n      bucket_name: logs", Edit(ENV_PATCHES, "/Resources/BucketCleanerFunction/Properties/Runtime", "/Resources/BucketCleanerFunction/Properties/Runtime§")),
    edit("override/missing-in-environment", DEV, "    flow_logs:\n      retention: 14\n", "    cidr: 10.0.0.0/16\n", Edit(ENV_PATCHES, f"- op: replace\n  path: /Resources/BucketCleanerFunction{_RUNTIME}", f"- op: replace\n  path: /Resources/BucketCleanerFunction{_RUNTIME}\n- op: remove\n  path: /Resources/FlowLogRole§")),
    edit("override/runtime-not-patched", PATCHES, f"- op: replace\n  path: /Resources/RulePriorityFunction{_RUNTIME}\n", "", line=1),
    Fault("override/runtime-not-patched", (), at=ENV_PATCHES, line=0, gone=(ENV_PATCHES,)),
    Fault("override/runtime-not-patched", (), at="copilot/evaluate/overrides/cfn.patches.yml", line=0, gone=("copilot/evaluate/overrides/cfn.patches.yml",)),
    edit("override/runtime-ended", PATCHES, f"/Resources/RulePriorityFunction{_RUNTIME}", "/Resources/RulePriorityFunction/Properties/Runtime\n  value: nodejs18.x§"),
]
