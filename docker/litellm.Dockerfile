# The official LiteLLM image with our configuration baked in: what runs is what is committed.
# LITELLM_IMAGE is that image by digest, from copilot/images.yaml.
ARG LITELLM_IMAGE

FROM ${LITELLM_IMAGE} AS build
USER root
WORKDIR /build
COPY gateway_lib/__init__.py gateway_lib/errors.py gateway_lib/
COPY gateway_lib/config/__init__.py gateway_lib/config/build.py gateway_lib/config/
COPY config/*.yaml config/
COPY docker/configuration.py docker/
RUN PYTHONPATH=/build python3 docker/configuration.py /build/made

FROM ${LITELLM_IMAGE}
# nothing is fetched at a start, nothing is reported to anybody
ENV PYTHONPATH=/gateway \
    PYTHONUNBUFFERED=1 \
    DATABASE_SSLROOTCERT=/gateway/rds.pem \
    LITELLM_MODE=PRODUCTION \
    LITELLM_LOG=ERROR \
    LITELLM_TELEMETRY=False \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True \
    LITELLM_LOCAL_AUTOROUTER_PRESETS=True \
    LITELLM_LOCAL_BLOG_POSTS=True \
    LITELLM_LOCAL_POLICY_TEMPLATES=True
COPY --from=build /build/made/litellm.yaml /build/made/litellm.sha256 /gateway/
COPY config/litellm-logging.yaml docker/rds.pem docker/probe.py /gateway/
# one module of its package, which needs nothing else of it
COPY gateway_lib/config/private_logs.py /gateway/gateway_lib/config/
# the image's own user nobody, by number
USER 65534:65534
EXPOSE 4000
ENTRYPOINT ["litellm"]
CMD ["--config=/gateway/litellm.yaml", "--host=127.0.0.1", "--port=4000", "--num_workers=1", "--log_config=/gateway/litellm-logging.yaml"]
