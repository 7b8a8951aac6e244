"""What the service reads from its environment, once, when it starts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from middleware.budgets.period import Length


class Settings(BaseSettings):
    """The middleware's settings; each is the environment variable `MIDDLEWARE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="MIDDLEWARE_", frozen=True, use_attribute_docstrings=True
    )

    litellm_url: str = "http://127.0.0.1:4000"
    """Where the LiteLLM proxy listens."""

    litellm_key: SecretStr
    """LiteLLM's master key, with which the service asks whose a key is and what LiteLLM serves."""

    key_seconds: PositiveFloat = 10.0
    """How long a key that was found good is taken for good; after twice that a revoked one reads nothing."""

    database_url: SecretStr
    """PostgreSQL database of the middleware's own, as a URL."""

    database_connections: PositiveInt = 10
    """Connections to that database for requests, at most; one more serves the check of readiness."""

    redis_url: SecretStr = SecretStr("")
    """Redis in which replicas share what they know of keys; without one each asks for itself."""

    okta_issuer: str = ""
    """OpenID Connect issuer (Okta's or any) whose access tokens are accepted; without one none are."""

    okta_audience: str = "api://default"
    """The audience that those tokens must have."""

    identity_policy: str = ""
    """Policy file: who gets what by a token (docs/identity.md); needed where there is an issuer."""

    history: Literal["always", "opt_in", "off"] = "always"
    """Which conversations are kept: all, those that ask for it (`enable_history`, a `session_id`), none."""

    session_owner: Literal["key", "user"] = "key"
    """Who may continue and read a conversation: the key that began it, or every key of that key's user."""

    history_days: NonNegativeFloat = 0.0
    """Days without a new turn after which a conversation is deleted; 0 keeps it until somebody deletes it."""

    history_max_turns: PositiveInt = 10_000
    """Turns that one conversation may have."""

    history_max_bytes: PositiveInt = 32 * 2**20
    """Bytes that one conversation may have, images and documents included."""

    model_limits: dict[str, PositiveInt] = {}
    """Calls a model may serve at once: `{"gpt-4o": 50, "*": 200}`, `*` each other one; else any number."""

    queue_length: NonNegativeInt = 1000
    """Calls of a model that may wait for a slot; beyond it the last in order is answered with 429."""

    queue_seconds: PositiveFloat = 30.0
    """How long a call may wait for a slot before it is answered with 429."""

    default_priority: int = Field(100, ge=0, le=9999)
    """The priority of calls that name none and whose policy gives none; the lower the earlier."""

    budget_period: Annotated[str, AfterValidator(lambda text: Length.parse(text).text)] = "28d"
    """Period of a budget per model that is given without one: a number and one of s, m, h, d, w, mo."""

    budget_log_seconds: PositiveFloat = 30.0
    """How long LiteLLM may take to book a call that broke off; after that it has cost what it might have."""

    budget_silence_seconds: PositiveFloat = 30.0
    """After how long without a sign of life the calls of another replica are taken for broken off."""

    aws_region: str = "us-east-1"
    """Region of the Bedrock calls that the service makes itself (ApplyGuardrail)."""

    bedrock_endpoint: str = ""
    """Where Bedrock Runtime is, when not at AWS's own address for the region."""

    bedrock_agent_endpoint: str = ""
    """Where Bedrock's managed prompts are, for every region, when not at AWS's own addresses."""

    prompt_seconds: NonNegativeFloat = 60.0
    """How long a managed prompt is known after it was fetched; 0 fetches it for every request."""

    config_hash: str = ""
    """Hash of the LiteLLM configuration behind this service, for `/readyz` and so for run manifests."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 3000
    """Port to listen on."""

    trusted_proxies: str = ""
    """Addresses (comma-separated, or `*`) whose `x-forwarded-for` and `-proto` are believed."""

    connect_seconds: PositiveFloat = 5.0
    """How long a connection to LiteLLM may take to open before the caller gets 503."""

    read_seconds: PositiveFloat = 600.0
    """How long LiteLLM may stay silent within a response before the caller gets 504."""

    drain_seconds: PositiveFloat = 120.0
    """How long open streams may go on after the service was asked to stop."""

    max_upstream_connections: int = 2000
    """Requests that may be open towards LiteLLM at the same time."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; `info` is a line per request."""
