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
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from middleware.budgets.period import Length
from middleware.intake.origins import origins


def _resolved(key: SecretStr) -> SecretStr:
    """Refuse a key that everybody can guess: a reference to one, which CloudFormation did not resolve."""
    if "{{resolve:" in key.get_secret_value():
        raise ValueError("this is the reference to a key, not the key")
    return key


class Settings(BaseSettings):
    """The middleware's settings; each is the environment variable `MIDDLEWARE_<NAME>`."""

    model_config = SettingsConfigDict(
        # an orchestrator can only give a variable an empty value where it has nothing to say
        env_ignore_empty=True,
        env_prefix="MIDDLEWARE_",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    litellm_url: str = "http://127.0.0.1:4000"
    """Where the LiteLLM proxy listens."""

    litellm_key: Annotated[SecretStr, AfterValidator(_resolved)]
    """LiteLLM's master key, with which the service asks whose a key is and what LiteLLM serves."""

    key_seconds: PositiveFloat = 10.0
    """How long a key that was found good is taken for good; after twice that a revoked one reads nothing."""

    database_url: SecretStr = SecretStr("")
    """PostgreSQL database of the middleware's own, as a URL; or its parts, which follow."""

    database_host: str = ""
    """Where PostgreSQL is; with it the database is made at the first start where it is missing."""

    database_port: int = 5432
    """Port of PostgreSQL."""

    database_name: str = "middleware"
    """The database of the middleware's own."""

    database_user: str = ""
    """The user, who may create databases where this one is missing."""

    database_password: SecretStr = SecretStr("")
    """The user's password."""

    database_tls: bool = False
    """Whether PostgreSQL is spoken to over TLS only, and has to show a certificate for its host's name."""

    database_ca: str = ""
    """PEM file of the authorities that may have signed it; else those that the system trusts."""

    database_connections: PositiveInt = 10
    """Connections to that database for requests, at most; one more serves the check of readiness."""

    redis_url: SecretStr = SecretStr("")
    """Redis in which replicas share what they know of keys, as a URL; or its parts, which follow."""

    redis_host: str = ""
    """Where Redis is; without one, and without a URL, each replica asks for itself."""

    redis_port: int = 6379
    """Port of Redis."""

    redis_password: SecretStr = SecretStr("")
    """Redis' password."""

    redis_tls: bool = False
    """Whether Redis is spoken to over TLS, and has to show a certificate for its host's name."""

    redis_ca: str = ""
    """PEM file of the authorities that may have signed it; else those that the system trusts."""

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

    max_requests: PositiveInt = 2000
    """Requests that the service has under way at once, streams among them; one more gets 503 at once."""

    default_priority: int = Field(100, ge=0, le=9999)
    """The priority of calls that name none and whose policy gives none; the lower the earlier."""

    budget_period: Annotated[str, AfterValidator(lambda text: Length.parse(text).text)] = "28d"
    """Period of a budget per model that is given without one: a number and one of s, m, h, d, w, mo."""

    budget_log_seconds: PositiveFloat = 30.0
    """How long LiteLLM may take to book a call that broke off; after that it has cost what it might have."""

    budget_silence_seconds: PositiveFloat = 30.0
    """After how long without a sign of life the calls of another replica are taken for broken off."""

    shadow_calls: NonNegativeInt = 50
    """Shadow calls of experiments that may be under way at once; beyond it an answer has no shadow."""

    aws_region: str = "us-east-1"
    """Region of the Bedrock calls that the service makes itself (ApplyGuardrail)."""

    bedrock_endpoint: str = ""
    """Where Bedrock Runtime is, when not at AWS's own address for the region."""

    bedrock_agent_endpoint: str = ""
    """Where Bedrock's managed prompts are, for every region, when not at AWS's own addresses."""

    prompt_seconds: NonNegativeFloat = 60.0
    """How long a managed prompt is known after it was fetched; 0 fetches it for every request."""

    guardrails_fail_open: bool = False
    """Whether a call goes on without the guardrails it names that do not answer; else it gets 503."""

    guardrail_seconds: PositiveFloat = 5.0
    """How long a guardrail may take for a short text before it counts as one that does not answer."""

    config_hash: str = ""
    """Hash of the LiteLLM configuration behind this service, for `/readyz` and so for run manifests."""

    config_hash_file: str = ""
    """A file with that hash, which a container's image has beside the configuration."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 3000
    """Port to listen on."""

    trusted_proxies: str = ""
    """Addresses (comma-separated, or `*`) whose `x-forwarded-for` and `-proto` are believed."""

    max_headers: PositiveInt = 128
    """Headers that a request may have; with more it gets 431."""

    max_header_bytes: PositiveInt = 2**16
    """Bytes of all their names and values."""

    max_body_bytes: PositiveInt = 2**29
    """Bytes of the largest body, a file's; calls of a model and other JSON have 64 MiB at most. Then 413."""

    address_hosts: str = ""
    """Hosts (comma-separated, `*.example.com`, `*`) from which calls may have images and the like fetched."""

    cors_origins: Annotated[str, AfterValidator(lambda text: ",".join(origins(text)))] = ""
    """Origins (comma-separated) whose web pages may call the gateway from a browser; without any none may."""

    connect_seconds: PositiveFloat = 5.0
    """How long a connection to LiteLLM may take to open before the caller gets 503."""

    read_seconds: PositiveFloat = 600.0
    """How long LiteLLM may take for the first byte of a response before the caller gets 504."""

    idle_seconds: PositiveFloat = 300.0
    """How long LiteLLM may stay silent within a response that has begun before it is broken off."""

    body_seconds: PositiveFloat = 60.0
    """How long a caller may pause in a request's body, in all but a second per 16 KiB; then it gets 408."""

    send_seconds: PositiveFloat = 300.0
    """How long a caller may take nothing of an answer that waits for him before the connection ends."""

    keepalive_seconds: PositiveInt = 75
    """How long an idle connection is kept; longer than the load balancer before the service keeps it."""

    drain_seconds: PositiveFloat = 120.0
    """How long open streams may go on after the service was asked to stop."""

    max_upstream_connections: PositiveInt = 2000
    """Requests that may be open towards LiteLLM at once, and be served; the service's own come on top."""

    metrics_key: Annotated[SecretStr, AfterValidator(_resolved)] = SecretStr("")
    """A key that may read `GET /metricz` and nothing else, as administrators' may."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; `info` is a line per request."""

    @model_validator(mode="after")
    def _one_database(self) -> Settings:
        if bool(self.database_url.get_secret_value()) == bool(self.database_host):
            raise ValueError("either database_url or database_host is needed")
        return self
