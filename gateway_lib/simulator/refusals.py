"""Why the simulator refuses a request.

The generation core knows the reason and the facts, each wire knows its provider's words for it:
status, error type and message. One exception carries the former to the latter.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Provider-independent reasons."""

    UNAUTHENTICATED = "unauthenticated"
    UNKNOWN_MODEL = "unknown_model"
    INVALID = "invalid"
    CONTEXT_WINDOW = "context_window"
    MAX_TOKENS = "max_tokens"
    MODALITY = "modality"
    REASONING = "reasoning"
    NOT_FOUND = "not_found"
    STATUS = "status"


class Refusal(Exception):
    """A request that gets an error response in the words of its wire.

    Attributes:
        reason: What is wrong.
        message: Full text for the client; empty lets the wire choose its provider's words.
        status: HTTP status, only for `Reason.STATUS`.
        code: The provider's error code or exception name, where the caller asked for one.
        param: Request field at fault, in OpenAI's ``param``.
        retry_after: Seconds for the ``Retry-After`` header.
        model: Model id of the request.
        actual: The value that was too large, in tokens.
        limit: The limit it exceeded, in tokens.
        modality: The kind of content the model does not accept.
    """

    def __init__(
        self,
        reason: Reason,
        message: str = "",
        *,
        status: int = 0,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        model: str = "",
        actual: int = 0,
        limit: int = 0,
        modality: str = "",
    ) -> None:
        super().__init__(message or str(reason))
        self.reason = reason
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.model = model
        self.actual = actual
        self.limit = limit
        self.modality = modality


def invalid(message: str, param: str | None = None) -> Refusal:
    """A request the provider cannot make sense of."""
    return Refusal(Reason.INVALID, message, param=param)
