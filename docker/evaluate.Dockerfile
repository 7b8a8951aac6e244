# The workbench, to run notebooks against a live gateway. PYTHON_IMAGE is a base by digest, from copilot/images.yaml.
ARG PYTHON_IMAGE

# checkov:skip=CKV_DOCKER_7:the base is pinned by digest, which is more than a tag
# checkov:skip=CKV_DOCKER_2:ECS does not read HEALTHCHECK; a job ends by itself
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements-evaluate.lock ./
RUN python -m venv /opt/gateway \
    && /opt/gateway/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements-evaluate.lock

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/gateway \
    HOME=/tmp \
    MPLBACKEND=agg
WORKDIR /gateway
COPY --from=build /opt/gateway /opt/gateway
COPY pyproject.toml requirements.lock ./
COPY config config
COPY gateway_lib gateway_lib
COPY middleware middleware
COPY notebooks notebooks
RUN python -m compileall -q -j 0 /opt/gateway gateway_lib middleware && chmod -R a+rX /gateway
USER 10001:10001
CMD ["python", "-m", "gateway_lib.evaluation"]
