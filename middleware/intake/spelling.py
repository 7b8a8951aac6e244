"""Paths that two readers may read as two paths.

A path is read here, by LiteLLM and by a provider. What one takes for a segment of a name another may take for
a way up, so whatever is not plain is refused, never repaired.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from middleware.intake.errors import PathMisspelt

_DOUBTFUL = re.compile(rb"[%\\]|/\.|[^!-~]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# RFC 3986, 6.2.2.2: escaped or not they are the same, so no client escapes them; `.` is one of them
_NEEDS_NO_ESCAPE = re.compile(
    rb"%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])"
)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f\\]")
_WAY_UP = re.compile(rb"(?:^|/)\.{1,2}(?:;[^/]*)?(?:/|$)")
_OURS = (b"/bedrock/model/", b"/bedrock/guardrail/")
_CHAT = b"/chat/completions"


def refuse_misspelt(raw: bytes) -> None:
    """Raise `PathMisspelt` for a raw path that is not plain.

    Args:
        raw: the path as it came, percent-encoded, without the query.
    """
    if not raw.startswith(b"/") or (_DOUBTFUL.search(raw) and not _is_plain(raw)):
        raise PathMisspelt


def _is_plain(raw: bytes) -> bool:
    if _BROKEN_ESCAPE.search(raw) or _NEEDS_NO_ESCAPE.search(raw):
        return False
    once = unquote_to_bytes(raw)
    twice = unquote_to_bytes(once)
    if any(_CONTROL.search(each) or _WAY_UP.search(each) for each in (once, twice)):
        return False
    try:
        once.decode()
    except UnicodeDecodeError:
        return False
    # a slash may be escaped within a model's id, but not where it says who serves the request
    lost = once.endswith(_CHAT) and not raw.endswith(_CHAT)
    return not lost and all(once.startswith(each) <= raw.startswith(each) for each in _OURS)
