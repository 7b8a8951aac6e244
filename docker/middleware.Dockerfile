# The middleware. PYTHON_IMAGE is a base by digest, from copilot/images.yaml.
ARG PYTHON_IMAGE

# checkov:skip=CKV_DOCKER_7:the base is pinned by digest, which is more than a tag
# checkov:skip=CKV_DOCKER_2:ECS does not read HEALTHCHECK; the manifest has the check
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements-middleware.lock ./
RUN python -m venv /opt/gateway \
    && /opt/gateway/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements-middleware.lock
# the hash of the configuration that LiteLLM's image has, so that /readyz can tell it
COPY config/*.yaml config/
COPY gateway_lib/__init__.py gateway_lib/errors.py gateway_lib/
COPY gateway_lib/config gateway_lib/config
COPY docker/config_hash.py ./
RUN /opt/gateway/bin/python config_hash.py > litellm.sha256

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/gateway \
    MIDDLEWARE_CONFIG_HASH_FILE=/gateway/litellm.sha256 \
    MIDDLEWARE_DATABASE_CA=/gateway/rds.pem \
    MIDDLEWARE_IDENTITY_POLICY=/gateway/identity.yaml
WORKDIR /gateway
COPY --from=build /opt/gateway /opt/gateway
COPY --from=build /build/litellm.sha256 ./
COPY docker/rds.pem config/identity.yaml ./
COPY middleware middleware
RUN python -m compileall -q -j 0 /opt/gateway middleware && chmod -R a+rX /gateway
# a number, so that an orchestrator can tell that it is not root; it owns nothing here
USER 10001:10001
EXPOSE 3000
CMD ["python", "-m", "middleware"]
