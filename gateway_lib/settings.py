"""The settings of the workbench, read once per process from the environment and `.env`.

The environment wins over `.env`; `.env.template` lists every setting. Inside a notebook started by
`gateway run` the environment already points at the target, so the same code runs everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway_lib.errors import SettingsError

_PACKAGE_PARENT = Path(__file__).resolve().parents[1]
PROJECT_ROOT = _PACKAGE_PARENT if (_PACKAGE_PARENT / "pyproject.toml").is_file() else Path.cwd()
"""The checkout the package was installed from, else the folder the process started in."""
_ENV_FILES = (PROJECT_ROOT / ".env", Path(".env"))


class Settings(BaseSettings):
    """Where the gateway is and how to speak to it."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    base_url: str | None = Field(None, alias="GATEWAY_BASE_URL")
    """Front door, without `/v1`: `http://localhost:4000`, `https://gateway.example.com`."""
    tls_url: str | None = Field(None, alias="GATEWAY_TLS_URL")
    """https door of the same gateway, for clients that send bearer tokens only over TLS."""
    api_key: SecretStr | None = Field(None, alias="GATEWAY_API_KEY")
    """Key of a user; what OpenAI and Bedrock clients send."""
    master_key: SecretStr | None = Field(None, alias="GATEWAY_MASTER_KEY")
    """Key of the administrator; only provisioning needs it."""
    ca_bundle: Path | None = Field(None, alias="GATEWAY_CA_BUNDLE")
    """PEM file of the authorities to trust, where the gateway's certificate is a private one."""
    timeout_s: float = Field(60.0, alias="GATEWAY_TIMEOUT_S", gt=0)
    """Seconds a client waits for the gateway before it gives up."""
    runs_dir: Path = Field(Path("runs"), alias="GATEWAY_RUNS_DIR")
    """Where run folders go; a relative path counts from the project's root."""
    config: Path | None = Field(None, alias="GATEWAY_CONFIG")
    """LiteLLM configuration to use; without one `config/config.yaml`, else `config/default-config.yaml`."""
    aws_region: str = Field("us-east-1", alias="AWS_REGION")
    """Region that Bedrock clients name."""
    prompt_arn: str = Field("", alias="GATEWAY_PROMPT_ARN")
    """ARN of a managed prompt to try in the quickstart; the local stack has one."""

    @field_validator("base_url", "tls_url")
    @classmethod
    def _http_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/").removesuffix("/v1") if url else None

    @field_validator("runs_dir", "config")
    @classmethod
    def _from_root(cls, path: Path | None) -> Path | None:
        return path if path is None or path.is_absolute() else PROJECT_ROOT / path

    def gateway(self) -> str:
        """Base URL of the gateway.

        Raises:
            SettingsError: No gateway is known.
        """
        if self.base_url is None:
            raise SettingsError(
                'no gateway is known: run `gateway up` and `eval "$(gateway env)"`,'
                " or set GATEWAY_BASE_URL (environment or .env)"
            )
        return self.base_url

    def user_key(self) -> str:
        """The user's key in clear.

        Raises:
            SettingsError: None is set.
        """
        if self.api_key is None:
            raise SettingsError(
                f"no key for {self.base_url or 'the gateway'}: set GATEWAY_API_KEY"
                " (environment or .env)"
            )
        return self.api_key.get_secret_value()

    def admin_key(self) -> str:
        """The administrator's key in clear.

        Raises:
            SettingsError: None is set.
        """
        if self.master_key is None:
            raise SettingsError("this needs the administrator's key: set GATEWAY_MASTER_KEY")
        return self.master_key.get_secret_value()

    def as_user(self, key: str) -> Settings:
        """These settings with another user's key."""
        return self.model_copy(update={"api_key": SecretStr(key)})

    def secrets(self) -> list[str]:
        """Every secret among the settings, in clear."""
        return [key.get_secret_value() for key in (self.api_key, self.master_key) if key]


def env_file_variables() -> dict[str, str]:
    """Variables of `.env` alone."""
    return {k: v for path in _ENV_FILES for k, v in dotenv_values(path).items() if v}


def process_environment() -> dict[str, str]:
    """Variables of `.env` and of the process, which wins."""
    return {**env_file_variables(), **os.environ}


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Settings of an environment, of nothing else.

    Raises:
        SettingsError: A value cannot be used; the text names the setting, never the value.
    """
    given: dict[str, Any] = {}
    for field in Settings.model_fields.values():
        given[str(field.alias)] = environment.get(str(field.alias)) or field.default
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{first['loc'][0]}: {first['msg']}") from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, from `.env` and the environment.

    Raises:
        SettingsError: A value cannot be used; the text names the setting, never the value.
    """
    return settings_of(process_environment())
