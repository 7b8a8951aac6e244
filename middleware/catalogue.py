"""What LiteLLM serves: the models' providers and the guardrails, asked in the background.

A request must not wait for this knowledge, so it is kept and renewed beside the requests. It is asked with
the service's own key. Without one, or before the first answer, nothing is known, and whatever depends on
it is refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from middleware.budgets.offers import Offers
from middleware.model_ids import ModelIds
from middleware.upstream import Upstream

log = logging.getLogger("middleware")
_LEARN_SECONDS = 0.5
RENEW_SECONDS = 20.0
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Route:
    """Where the calls of one model name may end up, fallbacks included."""

    model: str
    providers: frozenset[str] = frozenset()

    @property
    def bedrock_only(self) -> bool:
        return self.providers == {"bedrock"}

    @property
    def any_bedrock(self) -> bool:
        return "bedrock" in self.providers


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail that LiteLLM applies by name, and what it is in Bedrock."""

    name: str
    identifier: str
    version: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One answer of LiteLLM's."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    ids: ModelIds = field(default_factory=ModelIds)
    guardrails: tuple[Guardrail, ...] = ()
    configs: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """Bedrock's guardrails of the deployments that a model's calls may end up with."""
    offers: Offers = field(default_factory=Offers)


class Catalogue:
    """Keeps the newest `Knowledge`."""

    def __init__(self, upstream: Upstream, key: str) -> None:
        self._upstream = upstream
        self._key = key
        self._known = Knowledge()
        self._asked = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._learning = asyncio.Lock()

    def route(self, model_id: str) -> Route:
        """The route of a model name, of the model that an ARN ends in, or of the one that has this id."""
        self._renew()
        known = self._known
        route = known.routes.get(model_id)
        if route is None and model_id.startswith("arn:"):
            route = known.routes.get(model_id.rpartition("/")[2])
        if route is None and (name := known.ids.name(model_id)):
            route = known.routes[name]
        return route or Route(model_id)

    def lacks(self, model_id: str) -> bool:
        """Whether LiteLLM is known to have no such model; a name with `*` may stand for any."""
        known = self._known.routes
        return bool(known) and not self.route(model_id).providers and "*" not in "".join(known)

    def label(self, model: str) -> str:
        """A model's name where it is one that LiteLLM is known to have, else `other`: for what is counted."""
        return model if model in self._known.routes else OTHER

    @property
    def is_known(self) -> bool:
        """Whether LiteLLM has said which models it serves."""
        return bool(self._known.routes)

    @property
    def offers(self) -> Offers:
        """What the models cost, and by what other names they are known."""
        self._renew()
        return self._known.offers

    def guardrail(self, identifier: str, version: str) -> Guardrail | None:
        """The configured guardrail with that Bedrock id, or ARN, and version."""
        self._renew()
        wanted = identifier.rpartition("/")[2]
        for known in self._known.guardrails:
            if known.identifier.rpartition("/")[2] == wanted and known.version == version:
                return known
        return None

    def guardrail_configs(self, model: str) -> tuple[Mapping[str, Any], ...] | None:
        """The `guardrailConfig`s that guard a model's calls whoever makes them; None where nobody knows."""
        name = self.route(model).model
        known = self._known
        return known.configs.get(name, ()) if known.routes else None

    async def learn(self, model: str) -> None:
        """Ask about a model that nobody here has heard of, twice a second at most: it may be a new one."""
        arrived = time.monotonic()
        async with self._learning:
            while self._known.routes and not self.route(model).providers and self._asked < arrived:
                await asyncio.sleep(max(0.0, self._asked + _LEARN_SECONDS - time.monotonic()))
                await self.ask()

    def start(self) -> None:
        """Begin to ask, so that the first request finds an answer."""
        if self._key:
            self._asking = asyncio.create_task(self._ask_until_answered())

    async def close(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_until_answered(self) -> None:
        while True:
            await self.ask()
            if self._known.routes:
                return
            await asyncio.sleep(1.0)

    async def ask(self) -> None:
        """Ask LiteLLM now; where no answer comes, what is known stays known."""
        self._asked = time.monotonic()
        paths = ("/model/info", "/v2/guardrails/list", "/router/settings")
        answers = await asyncio.gather(*(self._upstream.fetch(path, self._key) for path in paths))
        if None in answers:
            log.warning(
                "what LiteLLM serves could not be asked", extra={"known": len(self._known.routes)}
            )
            return
        models, guardrails, router = answers
        ids = ModelIds.of(models)
        offers = Offers.of(models, _aliases(router), _all_reached(models, router), ids)
        self._known = Knowledge(
            _routes(models, router),
            ids,
            _guardrails(guardrails),
            _configs(models, router),
            offers,
        )

    def _renew(self) -> None:
        due = time.monotonic() - self._asked > RENEW_SECONDS
        if due and self._key and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self.ask())


def _routes(models: Any, router: Any) -> dict[str, Route]:
    providers: dict[str, set[str]] = {}
    for entry in models.get("data") or ():
        provider = str(entry["litellm_params"].get("model", "")).partition("/")[0]
        providers.setdefault(entry["model_name"], set()).add(provider)
    reached = _all_reached(models, router)
    routes = {
        name: Route(name, frozenset().union(*(providers.get(other, {"?"}) for other in others)))
        for name, others in reached.items()
    }
    for alias, name in _aliases(router).items():
        if name in routes:
            routes[alias] = Route(alias, routes[name].providers)
    return routes


def _configs(models: Any, router: Any) -> dict[str, tuple[Mapping[str, Any], ...]]:
    own: dict[str, list[Mapping[str, Any]]] = {}
    for entry in models.get("data") or ():
        config = entry["litellm_params"].get("guardrailConfig")
        if isinstance(config, dict) and config:
            own.setdefault(entry["model_name"], []).append(config)
    if not own:
        return {}
    found = {
        name: tuple(config for other in others for config in own.get(other, ()))
        for name, others in _all_reached(models, router).items()
    }
    for alias, name in _aliases(router).items():
        found[alias] = found.get(name, ())
    return found


def _aliases(router: Any) -> dict[str, str]:
    """The model that each alias of the router's stands for."""
    aliases = (router.get("current_values") or {}).get("model_group_alias") or {}
    return {
        alias: meant["model"] if isinstance(meant, dict) else meant
        for alias, meant in aliases.items()
        if isinstance(meant, str) or (isinstance(meant, dict) and meant.get("model"))
    }


def _all_reached(models: Any, router: Any) -> dict[str, set[str]]:
    """The models that a call of each may end up with."""
    following, catch_all = _fallbacks(router.get("current_values") or {})
    names = {entry["model_name"] for entry in models.get("data") or ()}
    return {name: _reached(name, following, catch_all) for name in names}


def _fallbacks(values: Mapping[str, Any]) -> tuple[dict[str, set[str]], set[str]]:
    """Which model names may follow which, and which may follow any."""
    following: dict[str, set[str]] = {}
    for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        for entry in values.get(kind) or ():
            for name, others in entry.items():
                found = following.setdefault(name, set())
                found |= {other for other in others if isinstance(other, str)}
    return following, set(values.get("default_fallbacks") or ()) | following.pop("*", set())


def _reached(name: str, following: Mapping[str, set[str]], catch_all: set[str]) -> set[str]:
    reached, todo = {name} | catch_all, [name, *catch_all]
    while todo:
        new = following.get(todo.pop(), set()) - reached
        reached |= new
        todo += new
    return reached


def _guardrails(listed: Any) -> tuple[Guardrail, ...]:
    found = []
    for entry in listed.get("guardrails") or ():
        params = entry.get("litellm_params") or {}
        if params.get("guardrailIdentifier"):
            identifier, version = (
                params["guardrailIdentifier"],
                params.get("guardrailVersion", "DRAFT"),
            )
            found.append(Guardrail(entry["guardrail_name"], str(identifier), str(version)))
    return tuple(found)
