"""Faults of containers, of their images and of their secrets."""

from __future__ import annotations

from tests.deploy.validate.fault import IMAGES, JOB, SECRETS, SERVICE, Edit, edit

_PREFIX = "${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}"
_SIDECAR = "sidecars:\n  litellm:\n"
_MATERIAL = "put together below\n    Type: AWS::SecretsManager::Secret"
_TAGS = """        PasswordLength: 48
        ExcludePunctuation: true
      Tags:
        - Key: copilot-application
          Value: !Ref App
        - Key: copilot-environment
          Value: !Ref Env
"""
CONTAINER_FAULTS = [
    edit("container/source", SERVICE, "    context: .\n    args:\n      PYTHON", "    context: .\n    args:\n      PYTHON", Edit(SERVICE, "  port: 3000\n  depends", "  location: example.com/middleware@sha256:" + "0" * 64 + "§\n  port: 3000\n  depends")),
    edit("container/source", JOB, "image:\n  build:\n    dockerfile: docker/evaluate.Dockerfile\n    context: .\n    args:\n      PYTHON_IMAGE: ${PYTHON_IMAGE}\n", "image:§\n  labels: {}\n"),
    edit("container/port", SERVICE, "image:\n  build:\n    dockerfile: docker/middleware", "image:§\n  build:\n    dockerfile: docker/middleware", Edit(SERVICE, "  port: 3000\n", "")),
    edit("container/port-taken", SERVICE, "    port: 4000", "    port: 3000§"),
    edit("container/port-taken", SERVICE, "    count:\n", "    sidecars:\n      litellm:\n        port: 3000§\n    count:\n"),
    edit("container/depends-on", SERVICE, "    litellm: start", "    litelm: start§"),
    edit("container/depends-on", SERVICE, "    litellm: start", "    gateway: start§"),
    edit("container/depends-on-status", SERVICE, "    litellm: start", "    litellm: success§"),
    edit("container/depends-on-status", SERVICE, "    litellm: start", "    litellm: complete§"),
    edit("container/depends-on-cycle", SERVICE, "  depends_on:\n", "  depends_on:§\n", Edit(SERVICE, _SIDECAR, f"{_SIDECAR}    depends_on: {{gateway: start}}\n")),
    edit("container/healthy-without-check", SERVICE, "    litellm: start", "    litellm: healthy§", Edit(SERVICE, "    healthcheck:\n      command: ['CMD', 'python3', '/gateway/probe.py', 'http://127.0.0.1:4000/health/liveliness']\n      interval: 10s\n      timeout: 5s\n      retries: 10\n      start_period: 300s # LiteLLM migrates its database before it listens\n", "")),
    edit("container/health-timing", SERVICE, "    interval: 15s\n    timeout: 5s", "    interval: 15s\n    timeout: 20s§"),
    edit("container/health-timing", SERVICE, "      start_period: 300s", "      start_period: 10m§"),
    edit("container/health-command", SERVICE, "  healthcheck:\n    command: ['CMD', 'python', '-m', 'middleware.probe']", "  healthcheck:§\n   "),
    edit("container/exec", SERVICE, "\nexec: false", "\nexec: true§"),
    edit("container/exec", SERVICE, "  dev:\n    cpu: 1024", "  prod:\n    exec: true§\n  dev:\n    cpu: 1024"),
    edit("container/env-file", SERVICE, "\nexec: false", "\nexec: false\nenv_file: gateway.env§"),
    edit("container/env-file", SERVICE, _SIDECAR, f"{_SIDECAR}    env_file: docker/probe.py§\n"),
    # images
    edit("image/dockerfile", SERVICE, "docker/middleware.Dockerfile", "docker/midleware.Dockerfile§"),
    edit("image/dockerfile", JOB, "    context: .", "    context: ./evaluate§"),
    edit("image/literal-base", "docker/middleware.Dockerfile", "FROM ${PYTHON_IMAGE} AS build", "FROM python:3.12-slim AS build§"),
    edit("image/argument", SERVICE, "      PYTHON_IMAGE: ${PYTHON_IMAGE}", "      PYTHON_IMAGE: python:3.12-slim§"),
    edit("image/argument", JOB, "    args:\n      PYTHON_IMAGE: ${PYTHON_IMAGE}\n", "", line=13),
    edit("image/argument", IMAGES, "litellm: #", "lite: #", Edit(SERVICE, "          LITELLM_IMAGE: ${LITELLM_IMAGE}", "          LITELLM_IMAGE: ${LITELLM_IMAGE}§"), also=("variable/undefined",)),
    edit("image/location", SERVICE, _SIDECAR, "sidecars:\n  redis:\n    image: redis:7§\n  litellm:\n"),
    edit("image/location", JOB, "  build:\n    dockerfile: docker/evaluate.Dockerfile\n    context: .\n    args:\n      PYTHON_IMAGE: ${PYTHON_IMAGE}\n", "  location: example.com/evaluate:latest§\n"),
    edit("image/entry", IMAGES, "  tag: 3.12-slim-bookworm", "  tags: 3.12-slim-bookworm", Edit(IMAGES, "python:\n", "python:§\n"), also=("image/argument", "variable/undefined")),
    edit("image/entry", IMAGES, "  tag: 3.12-slim-bookworm\n  digest: sha256:" + "1f" * 32, "  tag: 3.12-slim-bookworm\n  digest: sha256:1f1f§"),
    edit("image/unresolved", IMAGES, "  tag: 3.12-slim-bookworm\n  digest: sha256:" + "1f" * 32, "  tag: 3.12-slim-bookworm\n  digest: null§"),
    # secrets
    edit("secret/from-cfn-empty", SERVICE, f"  MIDDLEWARE_LITELLM_KEY:\n    from_cfn: {_PREFIX}-MasterKey", "  MIDDLEWARE_LITELLM_KEY:\n    from_cfn:§"),
    edit("secret/from-cfn-empty", SERVICE, f"      REDIS_HOST:\n        from_cfn: {_PREFIX}-RedisHost", "      REDIS_HOST:\n        from_cfn: ''§"),
    edit("secret/form", SERVICE, f"  MIDDLEWARE_LITELLM_KEY:\n    from_cfn: {_PREFIX}-MasterKey", "  MIDDLEWARE_LITELLM_KEY: {}§"),
    edit("secret/form", JOB, f"  GATEWAY_MASTER_KEY:\n    from_cfn: {_PREFIX}-MasterKey", f"  GATEWAY_MASTER_KEY:§\n    from_cfn: {_PREFIX}-MasterKey\n    secretsmanager: {_PREFIX}-x"),
    edit("secret/by-name", JOB, f"  GATEWAY_MASTER_KEY:\n    from_cfn: {_PREFIX}-MasterKey", "  GATEWAY_MASTER_KEY: /master-key§"),
    edit("secret/by-name", SERVICE, f"      LITELLM_SALT_KEY:\n        from_cfn: {_PREFIX}-SaltKey", "      LITELLM_SALT_KEY:§\n        secretsmanager: 'salt:key::'"),
    edit("secret/not-in-sidecar", SERVICE, "      command: ['CMD', 'python3', '/gateway/probe.py', 'http://127.0.0.1:4000/health/liveliness']", "      command: ['CMD-SHELL', 'curl -H \"Authorization: Bearer $MIDDLEWARE_LITELLM_KEY\" localhost:4000']", Edit(SERVICE, "    essential: true\n    healthcheck:\n", "    essential: true\n    healthcheck:§\n")),
    edit("secret/not-in-sidecar", SERVICE, _SIDECAR, f"{_SIDECAR}    command: [sh, -c, 'litellm --port $MIDDLEWARE_PORT']§\n"),
    edit("secret/also-variable", SERVICE, "      UI_USERNAME: admin", "      UI_USERNAME: admin\n      LITELLM_SALT_KEY:§\n        from_cfn: " + f"{_PREFIX}-SaltKey"),
    edit("secret/tags", SECRETS, _TAGS, "        PasswordLength: 48\n", Edit(SECRETS, _MATERIAL, f"{_MATERIAL}§")),
    edit("secret/tags", SECRETS, _TAGS, _TAGS.replace("Tags:", "Tags:§").replace("copilot-environment", "environment")),
    edit("secret/tags", SECRETS, _TAGS, _TAGS.replace("Tags:", "Tags:§").replace("!Ref App", "other")),
    edit("secret/managed-password", "copilot/environments/addons/database.yml", "      StorageEncrypted: true", "      ManageMasterUserPassword: true§\n      StorageEncrypted: true"),
]
