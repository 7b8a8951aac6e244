"""The real LiteLLM proxy with its database, its providers pointed at the model simulator."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_lib import config
from gateway_lib.local import prisma
from gateway_lib.local.component import Component
from gateway_lib.local.http import answers
from gateway_lib.local.ports import HOST
from gateway_lib.local.postgres import Postgres
from gateway_lib.local.redis import Redis
from gateway_lib.local.state import Secrets, State

DATABASE = "litellm"


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """The proxy of one stack."""

    state: State
    port: int
    postgres: Postgres
    redis: Redis
    simulator_url: str
    secrets: Secrets
    engine: prisma.Engine
    workers: int = 1

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def component(self) -> Component:
        return Component(
            name="litellm",
            command=[
                str(Path(sys.executable).with_name("litellm")),
                f"--config={self._config}",
                f"--host={HOST}",
                f"--port={self.port}",
                f"--num_workers={self.workers}",
                f"--log_config={config.CONFIG_DIR / 'litellm-logging.yaml'}",
            ],
            environment=self._environment(),
            ready=lambda: answers(f"{self.url}/health/readiness"),
            port=self.port,
            address=self.url,
            prepare=self._prepare,
            start_seconds=180,
        )

    @property
    def _config(self) -> Path:
        return self.state.path / "litellm.yaml"

    def configuration(self) -> dict[str, Any]:
        """What LiteLLM is configured with; it names secrets by their variables only."""
        return config.load_local()

    def _prepare(self) -> None:
        self.postgres.ensure_database(DATABASE)
        prisma.migrate(self.postgres.url(DATABASE))
        self.state.write("litellm.yaml", config.render(self.configuration()))

    def _environment(self) -> dict[str, str]:
        return {
            **self.engine.environment,
            # LiteLLM puts the URL on the command line of a program it starts; the password goes beside it
            "DATABASE_URL": self.postgres.url(DATABASE, with_password=False),
            "PGPASSWORD": self.postgres.password,
            "LITELLM_MASTER_KEY": self.secrets.master_key,
            "LITELLM_SALT_KEY": self.secrets.salt_key,
            "UI_USERNAME": "admin",
            "UI_PASSWORD": self.secrets.ui_password,
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(self.redis.port),
            "REDIS_PASSWORD": self.redis.password,
            "AWS_REGION": "us-east-1",  # of Bedrock calls whose deployment names none
            "SIMULATOR_OPENAI_URL": f"{self.simulator_url}/openai/v1",
            "SIMULATOR_BEDROCK_URL": f"{self.simulator_url}/bedrock",
            # nothing is fetched, nothing is reported to anybody
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
            "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
            "LITELLM_LOCAL_BLOG_POSTS": "True",
            "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
            "LITELLM_TELEMETRY": "False",
            "LITELLM_LOG": "ERROR",
            # where OTEL_EXPORTER_OTLP_ENDPOINT is set: how its spans go there, and that nobody's words do
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT",
            # CPython before 3.12 can crash when it collects garbage while it copies a context (cpython issue
            # 148891), which LiteLLM does all the time; collecting less often makes that rare
            "PYTHON_GC_THRESHOLD": "50000,20,50",
            "PYTHONFAULTHANDLER": "1",
        }
