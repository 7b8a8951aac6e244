"""Errors as Bedrock gives them: status, exception name, message."""

from uuid import uuid4

import orjson

from gateway_lib.simulator.delivery import Whole
from gateway_lib.simulator.journal import Entry
from gateway_lib.simulator.refusals import Reason, Refusal

_NAMES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    409: "ConflictException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_WORDS = {
    400: "The request is not valid.",
    403: "You don't have access to the model with the specified model ID.",
    404: "The specified resource was not found.",
    408: "Model has timed out in processing the request. Try your request again.",
    424: "The system encountered an unexpected error during processing. Try your request again.",
    429: "Too many requests, please wait before trying again.",
    500: "The system encountered an unexpected error during processing. Try your request again.",
    503: "Bedrock is unable to process your request.",
}


def described(refusal: Refusal) -> tuple[int, str, str]:
    """Return status, exception name and message of a refusal."""
    status, name, message = 400, "ValidationException", refusal.message
    match refusal.reason:
        case Reason.UNAUTHENTICATED:
            status, name = 403, "MissingAuthenticationTokenException"
            message = "Missing Authentication Token"
        case Reason.UNKNOWN_MODEL:
            message = "The provided model identifier is invalid."
        case Reason.NOT_FOUND:
            status, name = 404, "ResourceNotFoundException"
        case Reason.CONTEXT_WINDOW:
            message = (
                "The model returned the following errors: Input is too long for requested model. "
                f"prompt is too long: {refusal.actual} tokens > {refusal.limit} maximum"
            )
        case Reason.MAX_TOKENS:
            message = (
                f"The maximum tokens you requested exceeds the model limit of {refusal.limit}. Try "
                f"again with a maximum tokens value that is lower than {refusal.limit}."
            )
        case Reason.MODALITY:
            message = (
                f"This model doesn't support the {refusal.modality} content block that you "
                f"provided. Remove the {refusal.modality} content block and try again."
            )
        case Reason.REASONING:
            message = (
                "The model returned the following errors: this model does not support extended "
                "thinking."
            )
        case Reason.STATUS:
            status = refusal.status
            fallback = "InternalServerException" if status >= 500 else "ValidationException"
            name = refusal.code or _NAMES.get(status, fallback)
            message = message or _WORDS.get(status, _WORDS[500])
    return status, name, message


def refused(refusal: Refusal, entry: Entry) -> Whole:
    """An error response."""
    status, name, message = described(refusal)
    headers = {"x-amzn-ErrorType": name, "x-amzn-RequestId": entry.response_id or str(uuid4())}
    if refusal.retry_after is not None:
        headers["retry-after"] = f"{refusal.retry_after:g}"
    return Whole(orjson.dumps({"message": message}), status, headers)


def as_exception(refusal: Refusal) -> tuple[str, bytes]:
    """Exception name and payload for a frame inside a running stream."""
    status, name, message = described(refusal)
    if refusal.code is None and status in (408, 424):
        name = "ModelStreamErrorException"
    payload: dict[str, object] = {"message": message}
    if name.lower() == "modelstreamerrorexception":
        payload |= {"originalStatusCode": status, "originalMessage": message}
    return name[0].lower() + name[1:], orjson.dumps(payload)
