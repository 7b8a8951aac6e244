"""Faults of addons: merging, parameters, references, outputs, exports, runtimes."""

from __future__ import annotations

from tests.deploy.validate.fault import (
    ADDONS,
    ALARMS,
    BEDROCK,
    BUCKET,
    DATABASE,
    DEV,
    ENV_ADDONS,
    ENV_PARAMETERS,
    FIREWALL,
    JOB,
    NETWORK,
    PARAMETERS,
    REDIS,
    SECRETS,
    SERVICE,
    Edit,
    Fault,
    edit,
)

_PREFIX = "${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}"
_SECRET = """
Resources:
  Token:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      GenerateSecretString: {PasswordLength: 40}
      Tags:
        - {Key: copilot-application, Value: !Ref App}
        - {Key: copilot-environment, Value: !Ref Env}
Outputs:
  Token:
"""
_FUNCTION = """
Resources:
  Cleaner:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs18.x§
"""
_NAMES = """# the names that others import
${App}-${Env}-DataAccessSecurityGroup
"""
ADDON_FAULTS = [
    # folders and merging
    edit("addon/dropped-section", DATABASE, "\nConditions:\n", "\nRules:§\n  Production:\n    Assertions: []\nConditions:\n"),
    edit("addon/dropped-section", BEDROCK, "\nOutputs:\n", "\nGlobals: {}§\nOutputs:\n"),
    edit("addon/duplicate", REDIS, "\nConditions:\n", "\nMappings:\n  Sizes: {prod: {node: small}}\nConditions:\n", Edit(NETWORK, "\nConditions:\n", "\nMappings:\n  Sizes: {prod: {node: large}}\nConditions:\n"), at=REDIS, line=14),
    edit("addon/duplicate", NETWORK, "  DataAccessSecurityGroup:\n    Metadata", "  DatabaseSecurityGroup:§\n    Metadata", also=("addon/unresolved-reference",)),
    edit("addon/duplicate", REDIS, "  IsProduction: !Equals [!Ref Env, prod]", "  IsProduction: !Equals [!Ref Env, production]§"),
    edit("addon/folder", "copilot/evaluate/addons/addons.parameters.yml", "", "Parameter: {}\n", line=1),
    edit("addon/folder", f"{ADDONS}/addons.parameters.yaml", "", "Parameters: {}\n", at=ADDONS, line=0, also=("addon/parameter-missing",)[:0]),
    # parameters
    edit("addon/required-parameter", "copilot/evaluate/addons/runs.yml", "  Name:\n    Type: String\n", "", line=1, also=("addon/unresolved-reference",)),
    edit("addon/parameter-reserved", ENV_PARAMETERS, "  VPCID: !Ref VPC", "  Env: dev§\n  VPCID: !Ref VPC"),
    edit("addon/parameter-reserved", PARAMETERS, "  TargetGroupFullName: ", "  Name: gateway§\n  TargetGroupFullName: "),
    edit("addon/parameter-missing", ENV_PARAMETERS, "  VPCID: !Ref VPC\n", "", Edit(DATABASE, "  VPCID:\n", "  VPCID:§\n"), at=f"{ENV_ADDONS}/database.yml"),
    edit("addon/parameter-missing", ALARMS, "  Name:\n    Type: String\n", "  Name:\n    Type: String\n  Threshold:§\n    Type: Number\n"),
    edit("addon/parameter-unknown", ENV_PARAMETERS, "  VPCID: !Ref VPC", "  VpcId: !Ref VPC§\n  VPCID: !Ref VPC"),
    edit("addon/parameter-unknown", PARAMETERS, "  TargetGroupFullName: ", "  Threshold: 5§\n  TargetGroupFullName: "),
    edit("addon/cycle", PARAMETERS, "!GetAtt TargetGroup.TargetGroupFullName", "!GetAtt Service.Name§"),
    edit("addon/cycle", PARAMETERS, "!GetAtt TargetGroup.TargetGroupFullName", "!Ref TaskRole§"),
    edit("addon/cycle", PARAMETERS, "!GetAtt TargetGroup.TargetGroupFullName", "!Sub 'x-${TaskDefinition}'§"),
    edit("addon/parameter-reference", ENV_PARAMETERS, "VPCID: !Ref VPC", "VPCID: !Ref Vpc§"),
    edit("addon/parameter-reference", PARAMETERS, "!GetAtt TargetGroup.T", "!GetAtt TargetGroups.T", Edit(PARAMETERS, "TargetGroups.TargetGroupFullName", "TargetGroups.TargetGroupFullName§")),
    edit("addon/parameter-reference", DEV, "    flow_logs:", "    id: vpc-1\n    flow_logs:", Edit(ENV_PARAMETERS, "VPCID: !Ref VPC", "VPCID: !Ref VPC§")),
    edit("addon/parameter-reference", ENV_PARAMETERS, "!If [CreateALB,", "!If [CreateAlb,", Edit(ENV_PARAMETERS, "!Ref PublicLoadBalancer, '']", "!Ref PublicLoadBalancer, '']§"), also=("addon/conditional-reference",)),
    edit("addon/conditional-reference", ENV_PARAMETERS, "!If [CreateALB, !Ref PublicLoadBalancer, '']", "!Ref PublicLoadBalancer§"),
    edit("addon/conditional-reference", ENV_PARAMETERS, "!If [CreateALB, !Ref PublicLoadBalancer, '']", "!If [CreateNATGateways, !Ref PublicLoadBalancer, '']§"),
    edit("addon/conditional-reference", ENV_PARAMETERS, " !If\n    - CreateNATGateways\n    - !Join [',', [!Ref PrivateRouteTable1, !Ref PrivateRouteTable2]]\n    - ''", " !Join [',', [!Ref PrivateRouteTable1, !Ref PrivateRouteTable2]]§"),
    edit("addon/unconditional-association", FIREWALL, "    Condition: HasPublicLoadBalancer\n", "", Edit(FIREWALL, "  FirewallAssociation: #", "  FirewallAssociation: #§")),
    edit("addon/unresolved-reference", FIREWALL, "      ResourceArn: !Ref PublicLoadBalancerArn", "      ResourceArn: !Ref PublicLoadBalancer§"),
    edit("addon/unresolved-reference", REDIS, "        - !Ref RedisSecurityGroup", "        - !Ref RedisSecurityGrup§"),
    edit("addon/unresolved-reference", BUCKET, "    Value: !Ref CallLogs\n", "    Value: !Sub '${CallLog}/x'§\n"),
    edit("addon/unknown-condition", DATABASE, "    Condition: IsProduction\n", "    Condition: IsProd§\n"),
    edit("addon/unknown-condition", REDIS, "SnapshotRetentionLimit: !If [IsProduction, 1, 0]", "SnapshotRetentionLimit: !If [IsProduktion, 1, 0]§"),
    # outputs
    edit("output/secret-arn-in-environment", BEDROCK, "\nResources:\n", f"{_SECRET}    Value: !Sub '${{Token}}'§\n" + "Conditions:\n  Never: !Equals [a, b]\n# Resources:\n", also=("output/secret-arn-in-environment",)),
    edit("output/secret-not-in-sidecar", f"{ADDONS}/token.yml", "", f"{_SECRET}    Value: !Ref Token§\n"),
    edit("output/secret-arn-in-environment", f"{ADDONS}/token.yml", "", f"{_SECRET}    Value: !GetAtt Token.Id§\n"),
    edit("output/secret-arn-in-environment", f"{ADDONS}/token.yml", "", f"{_SECRET}    Value: !Join ['', [!Ref Token, ':KEY::']]§\n"),
    edit("output/also-in-manifest", SERVICE, "      UI_USERNAME: admin", "      UI_USERNAME: admin\n      LOG_BUCKET_NAME: mine§"),
    # exports
    edit("export/unknown", SERVICE, f"      REDIS_HOST:\n        from_cfn: {_PREFIX}-RedisHost", f"      REDIS_HOST:\n        from_cfn: {_PREFIX}-RedisHosts§"),
    edit("export/unknown", JOB, f"{_PREFIX}-MasterKey", f"{_PREFIX}-Masterkey§"),
    edit("export/unknown", JOB, f"{_PREFIX}-MasterKey", "${COPILOT_APPLICATION_NAME}-MasterKey§"),
    edit("export/unknown", BUCKET, "            Resource: !ImportValue\n              Fn::Sub: '${App}-${Env}-DataKeyArn'", "            Resource: !ImportValue§\n              Fn::Sub: '${App}-${Env}-DataKey'"),
    edit("export/unknown", SECRETS, "    Value: !Ref SaltKey\n    Export:\n      Name: !Sub '${App}-${Env}-SaltKey'\n", "    Value: !Ref SaltKey\n", Edit(SERVICE, f"{_PREFIX}-SaltKey", f"{_PREFIX}-SaltKey§"), at=SERVICE),
    edit("export/missing-in-environment", NETWORK, "    Value: !Ref AWS::Region\n", "    Condition: IsProduction\n    Value: !Ref AWS::Region\n", Edit(JOB, f"{_PREFIX}-Region", f"{_PREFIX}-Region§"), at=JOB),
    edit("export/name", REDIS, "    Description: Port of Redis.\n", "    Description: Port of Redis.\n", Edit(REDIS, "'${App}-${Env}-RedisPort'", "'${App}-RedisPort'§"), also=("export/unknown",)),
    edit("export/duplicate", DATABASE, "'${App}-${Env}-DatabaseCluster'", "'${App}-${Env}-DatabaseHost'", Edit(DATABASE, "    Value: !GetAtt DatabaseCluster.Endpoint.Address\n    Export:\n      Name:", "    Value: !GetAtt DatabaseCluster.Endpoint.Address\n    Export:\n      Name:§")),
    edit("export/own", DATABASE, "      VpcId: !Ref VPCID", "      VpcId: !ImportValue§\n        Fn::Sub: '${App}-${Env}-VpcId'"),
    edit("export/own", f"{ENV_ADDONS}/alarms.yml", "      KmsMasterKeyId: !Ref DataKey", "      KmsMasterKeyId: !ImportValue§\n        Fn::Sub: '${App}-${Env}-DataKeyArn'"),
    edit("export/changed", "copilot/exports.txt", "", _NAMES + "${App}-${Env}-DatabaseUrl§\n"),
    # runtimes
    edit("runtime/ended", f"{ENV_ADDONS}/cleaner.yml", "", _FUNCTION),
    edit("runtime/ended", f"{ADDONS}/cleaner.yml", "", _FUNCTION.replace("nodejs18.x", "python3.10")),
]
_ = Fault
