"""What can be wrong with a conversation.

::

    ServiceError
    ├── InvalidRequest
    │   ├── HistoryRefused       400  what is asked contradicts itself or the gateway's setting
    │   └── ConversationFull     400  it has reached the gateway's limits
    └── SessionNotFound          404  there is none, or it is somebody else's: the answer is the same
"""

from __future__ import annotations

from middleware.errors import InvalidRequest, ServiceError


class HistoryRefused(InvalidRequest):
    """What is asked contradicts itself or the gateway's setting."""

    code = "history_refused"


class ConversationFull(InvalidRequest):
    """The conversation has reached the gateway's limits."""

    code = "conversation_full"


class SessionNotFound(ServiceError):
    """There is no such conversation, or it is somebody else's: whoever asks cannot tell which."""

    status = 404
    code = "session_not_found"
    kind = "invalid_request_error"
    standard = "There is no such session."
