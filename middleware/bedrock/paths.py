"""The paths of the Bedrock Runtime API, read from the raw path.

boto3 percent-encodes a model id entirely, so an ARN's slash arrives as `%2F` and must not be taken for a
separator; the decoded path of a framework would.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

PREFIX = "/bedrock"
_MODEL = re.compile(
    r"/bedrock/model/(?P<id>[^?]+)/(?P<action>converse|converse-stream|invoke|"
    r"invoke-with-response-stream|count-tokens)"
)
_GUARDRAIL = re.compile(r"/bedrock/guardrail/(?P<id>[^?]+)/version/(?P<version>[^/?]+)/apply")
_OURS = ("/bedrock/model/", "/bedrock/guardrail/")
UNKNOWN = "unknown"


class Target(NamedTuple):
    """An operation, or `UNKNOWN`, and what it is on: a model's id, or a guardrail's with its version."""

    action: str
    identifier: str
    version: str = ""


def parse(raw_path: str) -> Target | None:
    """The target of a raw path; None where it is neither on a model nor on a guardrail."""
    if found := _MODEL.fullmatch(raw_path):
        return Target(found["action"], unquote(found["id"]))
    if found := _GUARDRAIL.fullmatch(raw_path):
        return Target("apply-guardrail", unquote(found["id"]), unquote(found["version"]))
    if raw_path.startswith(_OURS):
        return Target(UNKNOWN, raw_path)
    return None
