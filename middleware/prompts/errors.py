"""Why a managed prompt does not become a request.

::

    PromptError                 the message reaches the caller, and names nothing that AWS keeps to itself
    ├── InvalidPromptArn   400  it looks like a prompt's ARN and is none
    ├── InvalidVariables   400  the variables are not those of the prompt
    ├── PromptUnusable     400  the prompt asks for what cannot be honoured
    ├── PromptForbidden    403  the gateway's role may not read it
    ├── PromptNotFound     404  there is no such prompt, or no such version
    └── PromptThrottled    429  AWS limits how often prompts are fetched
    PromptsUnavailable     503  AWS cannot be reached, or takes no call of the gateway's now
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from middleware.errors import ServiceError, UpstreamUnavailable


class PromptError(ServiceError):
    """Root of the tree."""

    kind = "invalid_request_error"


class InvalidPromptArn(PromptError):
    """It looks like a prompt's ARN and is none."""

    status, code = 400, "invalid_prompt_arn"


class InvalidVariables(PromptError):
    """The variables are not those of the prompt."""

    status, code = 400, "invalid_prompt_variables"


class PromptUnusable(PromptError):
    """The prompt asks for what cannot be honoured."""

    status, code = 400, "prompt_not_supported"


class PromptForbidden(PromptError):
    """The gateway's role may not read it."""

    status, code = 403, "prompt_forbidden"


class PromptNotFound(PromptError):
    """There is no such prompt, or no such version."""

    status, code = 404, "prompt_not_found"


class PromptThrottled(PromptError):
    """AWS limits how often prompts are fetched."""

    status, code = 429, "prompt_throttled"
    standard = "Amazon Bedrock limits how often prompts are fetched. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}


class PromptsUnavailable(UpstreamUnavailable):
    """AWS cannot be reached, or takes no call of the gateway's now."""

    code = "prompts_unavailable"
    standard = "Amazon Bedrock's managed prompts are not available now. Try again shortly."
