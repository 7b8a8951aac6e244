"""Secrets: none in a file, and none that can be guessed."""

from __future__ import annotations

import re
from math import log2
from pathlib import Path

from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.rule import Places, rule
from gateway_lib.config.linting.rules.references import REFERENCE, strings

_NAMES = re.compile(
    r"(?:^|_)(?:key|keys|secret|password|token|credentials?|access_key_id|secret_access_key)$"
)
_HARMLESS = {"cache_key", "salt_key_name", "primary_key", "simulated", "anything", "none", "null"}
_LOOKS = re.compile(
    r"(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gsk_[A-Za-z0-9]{20,}"
    r"|xai-[A-Za-z0-9]{20,}|AIza[0-9A-Za-z_-]{30,}|lsv2_[A-Za-z0-9_]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|[a-z]+://[^/\s:@]+:[^/\s:@]+@)"
)
_MASTER, _SALT = "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"
_KNOWN_WEAK = {"sk-1234", "sk-12345", "sk-123456", "sk-master", "sk-admin", "sk-test", "changeme"}
_BITS = 100


@rule(
    "secret/in-clear", "a secret written into the file, which is committed and goes into an image"
)
def in_clear(context: Context) -> Places:
    for place, key, text in strings(context):
        if REFERENCE.fullmatch(text) or text.lower() in _HARMLESS:
            continue
        named = isinstance(key, str) and key not in _HARMLESS and _NAMES.search(key.lower())
        if text and (named or _LOOKS.search(text)):
            yield (
                place,
                "A secret stands here in clear; the file is committed and goes into an image.",
                "Put it into `.env` and write `os.environ/NAME`; issue a new one if this was"
                " ever committed.",
            )


@rule("secret/weak", "a master or salt key that can be guessed")
def weak(context: Context) -> Places:
    for variable, setting in ((_MASTER, "master_key"), (_SALT, "salt_key")):
        value, place = _key(context, variable, setting)
        if value and (value.lower() in _KNOWN_WEAK or _bits(value) < _BITS):
            yield (
                place,
                f"{variable} can be guessed; whoever has it "
                + ("administers the gateway." if variable == _MASTER else "reads stored keys."),
                "Make one with `python -c 'import secrets; print(\"sk-\" + secrets.token_urlsafe(32))'`.",
            )
        elif value and variable == _MASTER and not value.startswith("sk-"):
            yield (
                place,
                f"{variable} does not begin with `sk-`, and LiteLLM accepts no such key.",
                "Put `sk-` before it.",
            )


@rule(
    "secret/equal", "a master key that is the salt key as well: who changes the one loses the data"
)
def equal(context: Context) -> Places:
    master, place = _key(context, _MASTER, "master_key")
    salt, _ = _key(context, _SALT, "salt_key")
    if master and master == salt:
        yield (
            place,
            f"{_MASTER} and {_SALT} are the same: changing the master key would make every"
            " credential in LiteLLM's database unreadable.",
            f"Make a {_SALT} of its own, before anything is stored, and never change it.",
        )


@rule("secret/no-master-key", "no master key: every caller would be an administrator, or none")
def no_master_key(context: Context) -> Places:
    if not context.section("general_settings").get("master_key"):
        yield (
            context.at("general_settings"),
            "No master key is configured, so that nobody administers the gateway.",
            "Add `master_key: os.environ/LITELLM_MASTER_KEY` to `general_settings`.",
        )


def _key(context: Context, variable: str, setting: str) -> tuple[str, tuple[Path, int]]:
    """A key's value, from the environment or the file, and where it is named."""
    written = context.section("general_settings").get(setting)
    place = context.at("general_settings", setting)
    if isinstance(written, str) and not (found := REFERENCE.fullmatch(written)):
        return written, place
    name = found[1] if isinstance(written, str) and found else variable
    return context.environment.get(name, ""), place


def _bits(text: str) -> float:
    """How much a random text of these characters could hold at most."""
    kinds = (
        (str.islower, 26),
        (str.isupper, 26),
        (str.isdigit, 10),
        (lambda c: not c.isalnum(), 20),
    )
    body = text.removeprefix("sk-")
    alphabet = sum(size for test, size in kinds if any(test(c) for c in body))
    return min(len(body), 2 * len(set(body))) * log2(alphabet) if alphabet else 0.0


RULES = (in_clear, weak, equal, no_master_key)
