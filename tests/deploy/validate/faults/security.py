"""Faults that the security scan of the merged addons must see."""

from __future__ import annotations

from tests.deploy.validate.fault import (
    ADDONS,
    BEDROCK,
    BUCKET,
    DATABASE,
    ENV_ADDONS,
    KEYS,
    NETWORK,
    REDIS,
    SECRETS,
    Edit,
    edit,
)

_ENCRYPTED = """      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - BucketKeyEnabled: true
            ServerSideEncryptionByDefault:
              SSEAlgorithm: aws:kms
              KMSMasterKeyID: !ImportValue
                Fn::Sub: '${App}-${Env}-DataKeyArn'
"""
_INVOKE = "              - bedrock:InvokeModel\n              - bedrock:InvokeModelWithResponseStream\n"
_INGRESS = "          SourceSecurityGroupId: !Ref DataAccessSecurityGroup"
SECURITY_FAULTS = [
    edit("security/encryption", DATABASE, "      StorageEncrypted: true", "      StorageEncrypted: false§"),
    edit("security/encryption", REDIS, "      AtRestEncryptionEnabled: true", "      AtRestEncryptionEnabled: false§"),
    edit("security/encryption", BUCKET, _ENCRYPTED, "", Edit(BUCKET, "  CallLogs:\n", "  CallLogs:§\n")),
    edit("security/encryption", f"{ENV_ADDONS}/alarms.yml", "      KmsMasterKeyId: !Ref DataKey\n", "", Edit(f"{ENV_ADDONS}/alarms.yml", "  AlarmTopic:\n    Metadata", "  AlarmTopic:§\n    Metadata")),
    edit("security/public-access", BUCKET, "        BlockPublicPolicy: true", "        BlockPublicPolicy: false§"),
    edit("security/public-access", BUCKET, "        RestrictPublicBuckets: true\n", "", Edit(BUCKET, "      PublicAccessBlockConfiguration:\n", "      PublicAccessBlockConfiguration:§\n")),
    edit("security/public-access", BUCKET, "BucketOwnerEnforced", "ObjectWriter", Edit(BUCKET, "      OwnershipControls:\n", "      OwnershipControls:§\n")),
    edit("security/public-access", DATABASE, "      PromotionTier: 0\n      PubliclyAccessible: false", "      PromotionTier: 0\n      PubliclyAccessible: true§"),
    edit("security/public-access", BUCKET, "            Effect: Deny\n            Principal: '*'", "            Effect: Deny\n            Principal: '*'", Edit(BUCKET, "          - Sid: OnlyOverTls\n", "          - Sid: Everybody\n            Effect: Allow\n            Principal: '*'§\n            Action: s3:GetObject\n            Resource: !Sub '${CallLogs.Arn}/*'\n          - Sid: OnlyOverTls\n")),
    edit("security/tls", REDIS, "      TransitEncryptionEnabled: true", "      TransitEncryptionEnabled: false§"),
    edit("security/tls", DATABASE, "        rds.force_ssl: '1'", "        rds.force_ssl: '0'", Edit(DATABASE, "      DBClusterParameterGroupName: !Ref DatabaseParameters", "      DBClusterParameterGroupName: !Ref DatabaseParameters§")),
    edit("security/tls", BUCKET, "aws:SecureTransport: 'false'", "aws:SecureTransport: 'true'", Edit(BUCKET, "  CallLogs:\n", "  CallLogs:§\n")),
    edit("security/tls", REDIS, "      AuthToken: !Sub '{{resolve:secretsmanager:${RedisSecret}:SecretString:password}}'\n", "", line=0),
    edit("security/wildcard", BEDROCK, _INVOKE, "              - bedrock:*§\n"),
    edit("security/wildcard", BEDROCK, "            Action: bedrock:GetPrompt\n            Resource: !Sub 'arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:prompt/*'", "            Action: bedrock:GetPrompt\n            Resource: '*'§"),
    edit("security/wildcard", BEDROCK, "            Action: bedrock:GetPrompt\n", "            NotAction: bedrock:GetPrompt§\n"),
    edit("security/open-ingress", DATABASE, _INGRESS, "          CidrIp: 0.0.0.0/0§"),
    edit("security/open-ingress", REDIS, _INGRESS, "          CidrIpv6: ::/0§"),
    edit("security/open-ingress", NETWORK, "\nOutputs:\n", "\n  Everybody:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties:\n      GroupId: !Ref EndpointSecurityGroup\n      IpProtocol: tcp\n      CidrIp: 0.0.0.0/0§\n\nOutputs:\n"),
    edit("security/retention", DATABASE, "    DeletionPolicy: Snapshot", "    DeletionPolicy: Delete§"),
    edit("security/retention", BUCKET, "    UpdateReplacePolicy: Retain\n", "", Edit(BUCKET, "  CallLogs:\n", "  CallLogs:§\n")),
    edit("security/retention", KEYS, "    DeletionPolicy: Retain\n", "    DeletionPolicy: Delete§\n"),
    edit("security/backup", DATABASE, "BackupRetentionPeriod: !If [IsProduction, 35, 7]", "BackupRetentionPeriod: !If [IsProduction, 35, 1]§"),
    edit("security/backup", DATABASE, "DeletionProtection: !If [IsProduction, true, false]", "DeletionProtection: false§"),
    edit("security/backup", BUCKET, "        Status: Enabled\n      LifecycleConfiguration", "        Status: Suspended§\n      LifecycleConfiguration"),
    edit("security/secret-in-template", DATABASE, "MasterUserPassword: !Sub '{{resolve:secretsmanager:${DatabaseSecret}:SecretString:password}}'", "MasterUserPassword: correct-horse§"),
    edit("security/secret-in-template", REDIS, "AuthToken: !Sub '{{resolve:secretsmanager:${RedisSecret}:SecretString:password}}'", "AuthToken: !Sub '${Env}-battery-staple'§"),
    edit("security/secret-in-template", SECRETS, "\nResources:\n", "  AdminPassword:\n    Type: String\n    Default: hunter2§\n\nResources:\n"),
    edit("security/key-rotation", KEYS, "      EnableKeyRotation: true", "      EnableKeyRotation: false§"),
    edit("security/unexplained", KEYS, "    Metadata:\n      aws:copilot", "    Metadata:\n      gateway:\n        accept:\n          security/key-rotation: ok§\n      aws:copilot"),
    edit("security/unexplained", BUCKET, "    Metadata:\n      aws:copilot:description: 'An S3 bucket", "    Metadata:\n      gateway:\n        accept:\n          security/bucket: it is meant to be open§\n      aws:copilot:description: 'An S3 bucket"),
]
_ = ADDONS
