"""`gateway lint`: what is wrong with a LiteLLM configuration, before it runs anywhere.

LiteLLM ignores what it does not know, so that a misspelt setting, a weight that nothing reads or a guardrail
that nobody made fail without a word. Each rule finds one kind of fault and says how to mend it; the rules are
in `gateway_lib.config.linting.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import yaml

from gateway_lib.config.layers import CONFIG_DIR, chain, chosen
from gateway_lib.config.linting.context import Context
from gateway_lib.config.linting.document import Document, load
from gateway_lib.config.linting.rule import Rule
from gateway_lib.config.linting.rules import RULES
from gateway_lib.config.merging import merged
from gateway_lib.errors import ConfigurationError
from gateway_lib.findings import Finding

UNREADABLE = "yaml/unreadable"
_OVERLAYS = frozenset((CONFIG_DIR / f"{place}.yaml").resolve() for place in ("local", "aws"))


def lint(
    path: Path,
    environment: Mapping[str, str],
    *,
    litellm: str | None = None,
    rules: Iterable[Rule] = RULES,
) -> list[Finding]:
    """Check a configuration, or an overlay laid over the configuration that counts.

    Args:
        path: a file with a `model_list` or `extends`; any other is an overlay, and so are those of places,
            which may add models.
        environment: the variables that LiteLLM would get: those of `.env` and the process.
        litellm: the version of LiteLLM that would run it; without one the installed.
        rules: the rules to check.

    Returns:
        What was found, by file and line; empty where nothing is wrong.
    """
    try:
        layers = _layers(path)
    except _Unreadable as error:
        return [error.finding]
    config: dict[str, object] = {}
    for layer in reversed(layers):
        config = merged(config, {k: v for k, v in layer.content.items() if k != "extends"})
    context = Context(
        tuple(layers),
        config,
        environment,
        litellm or version("litellm"),
        datetime.now(UTC).date(),
    )
    found = {one for rule in rules for one in rule.findings(context)}
    return sorted(found, key=lambda one: (one.path != path, one.path, one.line, one.rule))


class _Unreadable(Exception):
    """A file that cannot be read, as a finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def _layers(path: Path) -> list[Document]:
    """The file and those below it, the outermost first."""
    first = _read(path)
    files = [path]
    if path.resolve() in _OVERLAYS or not {"model_list", "extends"} & first.content.keys():
        files.append(chosen())
    documents = [first]
    try:
        below = [*chain(files[0])[1:], *(chain(files[1]) if len(files) > 1 else [])]
    except ConfigurationError as error:
        line = (first.find("extends") or (None, 1))[1]
        raise _Unreadable(_finding(path, line, f"{error}.", "Name a file that there is.")) from None
    documents += [_read(file) for file in below]
    return documents


def _read(path: Path) -> Document:
    try:
        return load(path)
    except OSError as error:
        problem, line = f"The file cannot be read: {error.strerror}.", 0
    except UnicodeDecodeError:
        problem, line = "The file is not UTF-8 text.", 0
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem, line = f"Not valid YAML: {error.problem}.", mark.line + 1 if mark else 0
    except yaml.YAMLError:
        problem, line = "Not valid YAML.", 0
    raise _Unreadable(_finding(path, line, problem, "LiteLLM could not start; mend the YAML."))


def _finding(path: Path, line: int, problem: str, mend: str) -> Finding:
    return Finding(path, line, UNREADABLE, problem, mend)
