# The official LiteLLM image with our configuration baked in: what runs is what is committed.
# LITELLM_IMAGE is that image by digest, from copilot/images.yaml.
ARG LITELLM_IMAGE

# checkov:skip=CKV_DOCKER_7:the base is pinned by digest, which is more than a tag
# checkov:skip=CKV_DOCKER_2:ECS does not read HEALTHCHECK; the manifest has the check
FROM ${LITELLM_IMAGE}
# nothing is fetched at a start, nothing is reported to anybody
ENV PYTHONPATH=/gateway \
    PYTHONUNBUFFERED=1 \
    DATABASE_SSLROOTCERT=/gateway/rds.pem \
    LITELLM_MODE=PRODUCTION \
    LITELLM_LOG=ERROR \
    LITELLM_TELEMETRY=False \
    OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=NO_CONTENT \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True \
    LITELLM_LOCAL_AUTOROUTER_PRESETS=True \
    LITELLM_LOCAL_BLOG_POSTS=True \
    LITELLM_LOCAL_POLICY_TEMPLATES=True
COPY config/*.yaml /gateway/config/
# the part of the workbench that puts a configuration together, and what it names: log filter, cache scope
COPY gateway_lib/__init__.py gateway_lib/errors.py /gateway/gateway_lib/
COPY gateway_lib/config /gateway/gateway_lib/config
COPY docker/rds.pem docker/probe.py docker/start_litellm.py /gateway/
# a configuration that cannot be put together fails here, and not in a task
RUN python3 -c "import start_litellm; start_litellm.configuration({})"
# the image's own user nobody, by number
USER 65534:65534
EXPOSE 4000
ENTRYPOINT ["python3", "/gateway/start_litellm.py"]
CMD ["--host=127.0.0.1", "--port=4000", "--num_workers=1", "--log_config=/gateway/config/litellm-logging.yaml"]
