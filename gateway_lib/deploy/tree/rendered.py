"""What Copilot's own templates contain, as far as patches and parameters of addons depend on it.

From the templates of Copilot 1.33; 1.34.1 is the version that is pinned, and is not known to differ here.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway_lib.deploy.tree.context import View
from gateway_lib.deploy.tree.nodes import Map, Seq, get, keys


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RUNTIME = "nodejs20.x"
"""Of every Lambda function that Copilot makes."""

EXPORTS = _names(
    "VpcId PublicSubnets PrivateSubnets InternetGatewayID PublicRouteTableID PrivateRouteTableIDs"
    " ServiceDiscoveryNamespaceID EnvironmentSecurityGroup PublicLoadBalancerDNS"
    " PublicLoadBalancerFullName CanonicalHostedZoneID HTTPListenerArn HTTPSListenerArn"
    " DefaultHTTPTargetGroup ClusterId HostedZone SubDomain CFNExecutionRoleARN"
    " EnvironmentManagerRoleARN"
)
"""What the environment's stack exports, after `${App}-${Env}-`."""

_FUNCTION_PROPERTIES = frozenset({"Code", "Handler", "Timeout", "MemorySize", "Role", "Runtime"})
_ENVIRONMENT = _names(
    "ServiceDiscoveryNamespace Cluster PublicHTTPLoadBalancerSecurityGroup"
    " PublicHTTPSLoadBalancerSecurityGroup InternalLoadBalancerSecurityGroup EnvironmentSecurityGroup"
    " EnvironmentHTTPSecurityGroupIngressFromPublicALB EnvironmentHTTPSSecurityGroupIngressFromPublicALB"
    " EnvironmentSecurityGroupIngressFromInternalALB EnvironmentSecurityGroupIngressFromSelf"
    " InternalALBIngressFromEnvironmentSecurityGroup PublicLoadBalancer DefaultHTTPTargetGroup"
    " HTTPListener HTTPSListener InternalLoadBalancer DefaultInternalHTTPTargetGroup InternalHTTPListener"
    " InternalHTTPSListener InternalWorkloadsHostedZone FileSystem EFSSecurityGroup"
    " EFSSecurityGroupIngressFromEnvironment MountTarget1 MountTarget2 LogResourcePolicy"
    " EnvironmentManagerRole CloudformationExecutionRole AddonsStack"
)
_NETWORK = _names(
    "VPC PublicRouteTable DefaultPublicRoute InternetGateway InternetGatewayAttachment PublicSubnet1"
    " PublicSubnet2 PrivateSubnet1 PrivateSubnet2 PublicSubnet1RouteTableAssociation"
    " PublicSubnet2RouteTableAssociation NatGateway1Attachment NatGateway1 PrivateRouteTable1"
    " PrivateRoute1 PrivateRouteTable1Association NatGateway2Attachment NatGateway2 PrivateRouteTable2"
    " PrivateRoute2 PrivateRouteTable2Association AppRunnerVpcEndpointSecurityGroup"
    " AppRunnerVpcEndpoint"
)
_DOMAIN_FUNCTIONS = _names(
    "CertificateValidationFunction CustomDomainFunction DNSDelegationFunction"
)
_LOGS = _names(
    "ELBAccessLogsBucketPolicy ELBAccessLogsBucket ELBAccessLogsBucketCleanerAction"
    " ELBAccessLogsBucketCleanerRole"
)
_FLOW_LOGS = frozenset({"VpcFlowLogGroup", "FlowLog", "FlowLogRole"})
_TASK = _names(
    "LogGroup TaskDefinition ExecutionRole TaskRole EnvControllerAction EnvControllerRole"
)
_SERVICE = _names(
    "Service DiscoveryService EnvControllerAction RulePriorityFunctionRole AddonsStack"
)
_SCALING = _names(
    "DynamicDesiredCountAction DynamicDesiredCountFunctionRole AutoScalingRole AutoScalingTarget"
)
_JOB = _names("Rule RuleRole StateMachine StateMachineRole AddonsStack")


@dataclass(frozen=True)
class Rendered:
    """The resources of one stack."""

    resources: frozenset[str]
    functions: frozenset[str]
    containers: int = 0

    def has(self, steps: list[str]) -> bool:
        """Whether the steps of a patch's path lead to something that is there."""
        if len(steps) < 2 or steps[0] != "Resources":
            return True
        name, inner = steps[1], steps[2:]
        if name not in self.resources:
            return False
        if name in self.functions and len(inner) > 1 and inner[0] == "Properties":
            return inner[1] in _FUNCTION_PROPERTIES
        if name == "TaskDefinition" and inner[1:2] == ["ContainerDefinitions"] and inner[2:]:
            number = inner[2]
            return number == "-" or (number.isdigit() and int(number) < self.containers)
        return True


def rendered_environment(manifest: Map) -> Rendered:
    """The environment's stack."""
    functions: set[str] = set()
    names = set(_ENVIRONMENT)
    logs = get(manifest, "http", "public", "access_logs")
    if logs is True or (isinstance(logs, Map) and "bucket_name" not in logs):
        functions.add("BucketCleanerFunction")
        names |= _LOGS
    if not get(manifest, "http", "public", "certificates"):
        functions |= _DOMAIN_FUNCTIONS
        names |= {"CustomResourceRole", "EnvironmentHostedZone", "HTTPSCert", "CustomDomainAction"}
    if get(manifest, "network", "vpc", "id") is None:
        names |= _NETWORK
        names |= _more_subnets(manifest)
    if get(manifest, "network", "vpc", "flow_logs"):
        names |= _FLOW_LOGS
    if manifest.get("cdn"):
        names |= {"CloudFrontDistribution"}
        functions.add("UniqueJSONValuesFunction")
    return Rendered(frozenset(names | functions), frozenset(functions))


def rendered_workload(view: View, https: bool) -> Rendered:
    """The stack of a service or a job in an environment."""
    functions = {"EnvControllerFunction"}
    names = set(_TASK)
    count = 1 + len(keys(view.get("sidecars"))) + (1 if view.get("logging", "image") else 0)
    if not view.is_service:
        return Rendered(frozenset(names | functions | _JOB), frozenset(functions), count)
    names |= _SERVICE
    if view.rules():
        functions.add("RulePriorityFunction")
        for number in range(len(view.rules())):
            suffix = str(number) if number else ""
            names |= {f"TargetGroup{suffix}"}
            names |= (
                {f"HTTPListenerRuleWithDomain{suffix}", f"HTTPSListenerRule{suffix}"}
                | {f"HTTPSRulePriorityAction{suffix}", f"HTTPRuleWithDomainPriorityAction{suffix}"}
                if https
                else {f"HTTPListenerRule{suffix}", f"HTTPRulePriorityAction{suffix}"}
            )
    if has_autoscaling(view.get("count")):
        functions.add("DynamicDesiredCountFunction")
        names |= _SCALING
        for key, policy in _POLICIES.items():
            if view.get("count", key) is not None:
                names.add(policy)
    return Rendered(frozenset(names | functions), frozenset(functions), count)


def has_autoscaling(count: object) -> bool:
    """Whether `count` makes Copilot scale the service."""
    return isinstance(count, Map) and "range" in count


def _more_subnets(manifest: Map) -> set[str]:
    names = set()
    for kind, word in (("public", "PublicSubnet"), ("private", "PrivateSubnet")):
        subnets = get(manifest, "network", "vpc", "subnets", kind)
        if isinstance(subnets, Seq):
            names |= {f"{word}{number + 1}" for number in range(len(subnets))}
    return names


_POLICIES = {
    "cpu_percentage": "AutoScalingPolicyECSServiceAverageCPUUtilization",
    "memory_percentage": "AutoScalingPolicyECSServiceAverageMemoryUtilization",
    "requests": "AutoScalingPolicyALBSumRequestCountPerTarget",
    "response_time": "AutoScalingPolicyALBAverageResponseTime",
}

ENVIRONMENT_PARAMETERS = _names(
    "AppName EnvironmentName ALBWorkloads InternalALBWorkloads EFSWorkloads NATWorkloads"
    " AppRunnerPrivateWorkloads ToolsAccountPrincipalARN AppDNSName AppDNSDelegationRole Aliases"
    " CreateHTTPSListener CreateInternalHTTPSListener ServiceDiscoveryEndpoint"
)
WORKLOAD_PARAMETERS = _names(
    "AppName EnvName WorkloadName ContainerImage ContainerPort TaskCPU TaskMemory TaskCount DNSDelegated"
    " LogRetention AddonsTemplateURL EnvFileARN ArtifactKeyARN TargetContainer TargetPort HTTPSEnabled"
    " RulePath Schedule"
)
CONDITIONS = _names(
    "CreateALB CreateInternalALB DelegateDNS ExportHTTPSListener ExportInternalHTTPSListener CreateEFS"
    " CreateNATGateways CreateAppRunnerVPCEndpoint ManagedAliases IsGovCloud HasAssociatedDomain HasAddons"
    " HasEnvFile"
)
"""Of the two stacks, for `!If` in addons.parameters.yml."""

_BALANCER = ("CreateALB", "ExportHTTPSListener")
APPEARS_WITH = {
    **dict.fromkeys(
        _names(
            "PublicLoadBalancer PublicHTTPLoadBalancerSecurityGroup DefaultHTTPTargetGroup"
            " HTTPListener"
        ),
        _BALANCER,
    ),
    **dict.fromkeys(
        ("HTTPSListener", "PublicHTTPSLoadBalancerSecurityGroup"), ("ExportHTTPSListener",)
    ),
    **dict.fromkeys(
        ("InternalLoadBalancer", "InternalLoadBalancerSecurityGroup", "InternalHTTPListener"),
        ("CreateInternalALB", "ExportInternalHTTPSListener"),
    ),
    **dict.fromkeys(
        _names(
            "PrivateRouteTable1 PrivateRouteTable2 NatGateway1 NatGateway2 PrivateRoute1 PrivateRoute2"
        ),
        ("CreateNATGateways",),
    ),
    **dict.fromkeys(("FileSystem", "EFSSecurityGroup"), ("CreateEFS",)),
}
"""Resources that the environment's stack has only when some service needs them, and by which conditions."""
