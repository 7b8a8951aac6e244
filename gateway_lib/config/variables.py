"""The variables of `.env` that are not settings of a program of ours: the deployment's and the providers'.

`.env.template` is written from these and from the settings; the linter knows by them which names the LiteLLM
process gets a value for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of `.env`."""

    name: str
    comment: str
    default: str = ""
    provider: str = ""
    """The provider, in LiteLLM's notation, that cannot be called without it."""


DEPLOYMENT = (
    Variable("DOMAIN_NAME", "Name under which the gateway is reached: gateway.example.com"),
    Variable("CERTIFICATE_ARN", "ARN of the certificate in ACM that covers it, in the same region"),
    Variable(
        "AWS_PROFILE", "Profile of the AWS account, as in ~/.aws/config; empty for the default"
    ),
)

IDENTITY = (
    Variable(
        "OKTA_ISSUER", "Issuer of the tokens that make users: https://NAME.okta.com/oauth2/default"
    ),
    Variable("OKTA_AUDIENCE", "Audience that these tokens must have", "api://default"),
)

PROVIDERS = (
    Variable("OPENAI_API_KEY", "OpenAI", provider="openai"),
    Variable("ANTHROPIC_API_KEY", "Anthropic", provider="anthropic"),
    Variable("GEMINI_API_KEY", "Google Gemini", provider="gemini"),
    Variable("MISTRAL_API_KEY", "Mistral", provider="mistral"),
    Variable("GROQ_API_KEY", "Groq", provider="groq"),
    Variable("XAI_API_KEY", "xAI", provider="xai"),
    Variable("DEEPSEEK_API_KEY", "DeepSeek", provider="deepseek"),
    Variable("COHERE_API_KEY", "Cohere", provider="cohere"),
    Variable("PERPLEXITYAI_API_KEY", "Perplexity", provider="perplexity"),
    Variable("CEREBRAS_API_KEY", "Cerebras", provider="cerebras"),
    Variable("TOGETHERAI_API_KEY", "Together AI", provider="together_ai"),
    Variable("FIREWORKS_AI_API_KEY", "Fireworks AI", provider="fireworks_ai"),
    Variable(
        "AZURE_API_KEY",
        "Azure OpenAI; its models have to be added",
        provider="azure",
    ),
    Variable("AZURE_API_BASE", "Azure OpenAI: https://RESOURCE.openai.azure.com"),
    Variable("AZURE_API_VERSION", "Azure OpenAI: version of its interface"),
    Variable(
        "DATABRICKS_API_KEY",
        "Databricks; its models have to be added",
        provider="databricks",
    ),
    Variable("DATABRICKS_API_BASE", "Databricks: https://WORKSPACE/serving-endpoints"),
)

LANGSMITH = (
    Variable(
        "LANGSMITH_API_KEY", "Key of LangSmith; calls are logged there when all three are set"
    ),
    Variable("LANGSMITH_PROJECT", "Project in LangSmith"),
    Variable("LANGSMITH_DEFAULT_RUN_NAME", "What a run is called in LangSmith"),
)

OF_PLACES = frozenset(
    {
        "LITELLM_MASTER_KEY",
        "LITELLM_SALT_KEY",
        "DATABASE_URL",
        "REDIS_HOST",
        "REDIS_PORT",
        "REDIS_PASSWORD",
        "REDIS_SSL",
        "AWS_REGION",
        "UI_USERNAME",
        "UI_PASSWORD",
        "LOG_BUCKET_NAME",
        "SIMULATOR_OPENAI_URL",
        "SIMULATOR_BEDROCK_URL",
    }
)
"""What the LiteLLM process gets from where it runs: the deployment tree or the local stack."""

WITHOUT_KEY = frozenset(
    {"bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat", "ollama", "ollama_chat"}
)
"""Providers that are called with the role of the process, or need no key."""


def key_of(provider: str) -> str | None:
    """The variable without which a provider cannot be called, where it is one of ours."""
    name = "cohere" if provider == "cohere_chat" else provider
    return next((one.name for one in PROVIDERS if one.provider == name), None)


def given() -> frozenset[str]:
    """Every name that the LiteLLM process has a variable of."""
    return OF_PLACES | {one.name for one in (*PROVIDERS, *LANGSMITH)}
