"""The paths of the Bedrock Runtime API, read from the raw path.

boto3 percent-encodes a model id entirely, so an ARN's slash arrives as `%2F` and must not be taken for a
separator; the decoded path of a framework would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

PREFIX = "/bedrock"
_MODEL = re.compile(
    r"/bedrock/model/(?P<id>[^?]+)/(?P<action>converse|converse-stream|invoke|"
    r"invoke-with-response-stream|count-tokens)"
)
_GUARDRAIL = re.compile(r"/bedrock/guardrail/(?P<id>[^?]+)/version/(?P<version>[^/?]+)/apply")


@dataclass(frozen=True, slots=True)
class Target:
    """An operation and what it is on: a model's id, or a guardrail's with its version."""

    action: str
    identifier: str
    version: str = ""


def parse(raw_path: str) -> Target | None:
    """The target of a raw path; None where it is none of the operations served here."""
    if found := _MODEL.fullmatch(raw_path):
        return Target(found["action"], unquote(found["id"]))
    if found := _GUARDRAIL.fullmatch(raw_path):
        return Target("apply-guardrail", unquote(found["id"]), unquote(found["version"]))
    return None
