"""The settings that the installed LiteLLM knows, read from its sources.

LiteLLM has no list of its settings: some are fields of models, some arguments of functions, some attributes
of its module, many only a name in a line of code. Its sources are read rather than imported, which would take
seconds and start reading the environment.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from gateway_lib.config import prices

_READ = r"(?:\.(?:get|pop)\(|\[)\s*[\"']([A-Za-z_][A-Za-z_0-9]*)[\"']"
_GENERAL = re.compile(r"general_settings" + _READ)
_LITELLM = re.compile(r"litellm_settings" + _READ)
_PARAMS = re.compile(r"(?:optional_params|litellm_params|non_default_params|kwargs)" + _READ)
_KEY = re.compile(r"\bkey == [\"']([a-z_0-9]+)[\"']")


class Names(Collection[str]):
    """Names of which most come from a few places; all of LiteLLM is only read for one that does not."""

    def __init__(self, near: Iterable[str], pattern: re.Pattern[str]) -> None:
        self._near, self._pattern = frozenset(near), pattern

    def __contains__(self, name: object) -> bool:
        return name in self._near or name in _mentioned(self._pattern)

    def __iter__(self) -> Iterator[str]:
        return iter(self._near | _mentioned(self._pattern))

    def __len__(self) -> int:
        return len(self._near | _mentioned(self._pattern))


@lru_cache(maxsize=1)
def sections() -> frozenset[str]:
    """The sections of a configuration file."""
    read = re.findall(r"\bconfig" + _READ, _text_of_class("proxy/proxy_server.py", "ProxyConfig"))
    return _fields("proxy/_types.py", "ConfigYAML") | frozenset(
        [*read, "include", "router_settings", "guardrails"]
    )


@lru_cache(maxsize=1)
def litellm_settings() -> Collection[str]:
    """Attributes of LiteLLM's module, and what the proxy treats by name."""
    proxy = _text_of_class("proxy/proxy_server.py", "ProxyConfig")
    names = {*_variables("__init__.py"), *_KEY.findall(proxy), *_variables("constants.py")}
    return Names((name for name in names if name[0].islower()), _LITELLM)


@lru_cache(maxsize=1)
def general_settings() -> Collection[str]:
    """Fields of LiteLLM's model of them, and what its sources read by name."""
    return Names(_fields("proxy/_types.py", "ConfigGeneralSettings"), _GENERAL)


@lru_cache(maxsize=1)
def router_settings() -> frozenset[str]:
    """Arguments of LiteLLM's router; it ignores anything else with a line in its log."""
    return _arguments("router.py", "Router") - {"model_list"}


@lru_cache(maxsize=1)
def cache_params() -> frozenset[str]:
    """Arguments of LiteLLM's cache, and of the Redis client to which it hands the rest."""
    import inspect

    import redis

    client = set(inspect.signature(inspect.unwrap(redis.Redis.__init__)).parameters)
    return _arguments("caching/caching.py", "Cache") | client | {"default_redis_ttl", "url"}


@lru_cache(maxsize=1)
def s3_callback_params() -> frozenset[str]:
    """Arguments of LiteLLM's logger to S3."""
    return _arguments("integrations/s3_v2.py", "S3Logger") - {"s3_callback_params_override"}


@lru_cache(maxsize=1)
def litellm_params() -> Collection[str]:
    """What a deployment may say: LiteLLM's own parameters, OpenAI's, and those that providers' code reads."""
    own = {"model", "custom_llm_provider", *_weights()}
    for file, name in (
        ("types/router.py", "GenericLiteLLMParams"),
        ("types/router.py", "LiteLLM_Params"),
        ("types/router.py", "CredentialLiteLLMParams"),
        ("types/utils.py", "CustomPricingLiteLLMParams"),
        ("types/utils.py", "MirroredPricingParams"),
    ):
        own |= _fields(file, name)
    called = _function_arguments("main.py", ("completion", "acompletion", "embedding"))
    return Names(own | called, _PARAMS)


@lru_cache(maxsize=1)
def model_info() -> frozenset[str]:
    """What can be said about a model: fields, and every column of LiteLLM's table."""
    columns = {column for row in prices.table().values() for column in row}
    return _fields("types/router.py", "ModelInfo") | frozenset(columns) | {"access_groups", "mode"}


@lru_cache(maxsize=1)
def guardrail_params() -> Collection[str]:
    """What a guardrail may say, whichever service does the work."""
    tree = _parsed("types/guardrails.py")
    names = {
        field for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for field in _own(node)
    }
    return Names(names, _PARAMS)


@lru_cache(maxsize=1)
def guardrail_services() -> frozenset[str]:
    """Names for `guardrail:`; a dotted name is a class of the user's own."""
    return _strings("types/guardrails.py", "SupportedGuardrailIntegrations")


@lru_cache(maxsize=1)
def guardrail_modes() -> frozenset[str]:
    """When a guardrail can run."""
    return _strings("types/guardrails.py", "GuardrailEventHooks")


@lru_cache(maxsize=1)
def providers() -> frozenset[str]:
    """Names that can stand before the slash of a model."""
    return _strings("types/utils.py", "LlmProviders")


@lru_cache(maxsize=1)
def strategies() -> frozenset[str]:
    """Routing strategies."""
    return _literal("types/litellm_params.py", "RoutingStrategyName")


@lru_cache(maxsize=1)
def callbacks() -> frozenset[str]:
    """Names of callbacks; a dotted name is an object of the user's own."""
    compared = re.compile(r"callback == [\"']([a-z0-9_]+)[\"']")
    source = (prices.package() / "litellm_core_utils/litellm_logging.py").read_text()
    named = _literal("__init__.py", "_custom_logger_compatible_callbacks_literal")
    return named | frozenset(compared.findall(source)) | {"cache", "presidio"}


def _weights() -> set[str]:
    """Parameters that only the simple strategy reads, under names that it makes at run time."""
    return {"weight", "rpm", "tpm", "order"}


@lru_cache(maxsize=1)
def _sources() -> tuple[str, ...]:
    return tuple(file.read_text(errors="replace") for file in prices.package().rglob("*.py"))


@lru_cache(maxsize=3)
def _mentioned(pattern: re.Pattern[str]) -> frozenset[str]:
    return frozenset(name for source in _sources() for name in pattern.findall(source))


@lru_cache(maxsize=16)
def _parsed(file: str) -> ast.Module:
    return ast.parse((prices.package() / file).read_text())


def _class(file: str, name: str) -> ast.ClassDef:
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    return ast.ClassDef(name, [], [], [], [])


def _own(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id


def _fields(file: str, name: str) -> frozenset[str]:
    return frozenset(_own(_class(file, name)))


def _strings(file: str, name: str) -> frozenset[str]:
    """The values of an enumeration of strings."""
    return frozenset(
        statement.value.value
        for statement in _class(file, name).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _literal(file: str, name: str) -> frozenset[str]:
    """The strings of a `Literal` that is assigned to a name."""
    for node in _parsed(file).body:
        targets: Iterable[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = (node.target,)
        value = getattr(node, "value", None)
        if value and any(isinstance(one, ast.Name) and one.id == name for one in targets):
            return frozenset(
                one.value
                for one in ast.walk(value)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
    return frozenset()


def _variables(file: str) -> set[str]:
    """The names that a module assigns to at its top, in branches too."""
    names: set[str] = set()
    for node in _parsed(file).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                names.add(inner.id)
    return names


def _text_of_class(file: str, name: str) -> str:
    text = (prices.package() / file).read_text()
    found = re.search(
        rf"^class {name}\b.*?(?=^(?:class |def |async def |@)|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return found[0] if found else ""


def _arguments(file: str, name: str) -> frozenset[str]:
    """The arguments that a class is made with."""
    found = re.search(r"def __init__\((.*?)\n    \)", _text_of_class(file, name), re.DOTALL)
    return _signature(found[1] if found else "") - {"self"}


def _function_arguments(file: str, names: Iterable[str]) -> frozenset[str]:
    text = (prices.package() / file).read_text()
    named = "|".join(names)
    found = re.findall(rf"^(?:async )?def (?:{named})\((.*?)\n\)", text, re.MULTILINE | re.DOTALL)
    return frozenset(name for arguments in found for name in _signature(arguments))


def _signature(arguments: str) -> frozenset[str]:
    (function,) = ast.parse(f"def function({arguments}\n): ...").body
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 - for the type checker
    return frozenset(_names(function.args))


def _names(arguments: ast.arguments) -> Iterator[str]:
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield one.arg
