"""Guardrails as the gateway serves them: what a call may say of them, and which guard it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette.types import Scope

from middleware.auth import Keys
from middleware.budgets import routes
from middleware.budgets.errors import CostUnknown
from middleware.budgets.estimate import OTHER_MODELS
from middleware.catalogue import Catalogue
from middleware.guardrails.errors import (
    GuardrailsMalformed,
    GuardrailsNotTheirs,
    GuardrailsUnknown,
    UnknownGuardrail,
)
from middleware.guardrails.guarding import Guarding
from middleware.guardrails.health import Health
from middleware.guardrails.register import Register
from middleware.guardrails.wish import CONFIG, Wish, refuse_config
from middleware.settings import Settings
from middleware.upstream import Upstream

_GUARDING = "guarding"


class Guardrails:
    """Looks at calls before they are sent."""

    def __init__(
        self, settings: Settings, upstream: Upstream, keys: Keys, catalogue: Catalogue
    ) -> None:
        key = settings.litellm_key.get_secret_value()
        self.register = Register(upstream, key)
        self.health = Health(upstream, key, settings.guardrail_seconds)
        self.fails_open = settings.guardrails_fail_open
        self._keys = keys
        self._catalogue = catalogue

    async def check(self, scope: Scope, fields: Mapping[str, Any], in_path: str | None) -> Wish:
        """Look at the body of a call, and have the call guarded.

        Args:
            scope: the request's.
            fields: its body.
            in_path: the model that its path names, if it does; None where the body is sent to another
                path, without the query, so that the body's own model counts.

        Raises:
            ServiceError: what it says of guardrails cannot be honoured.
        """
        wish = Wish.of(fields)
        if not wish.is_empty:
            await self._allow(scope, fields, wish, in_path)
        self.guard(scope, wish.names)
        return wish

    async def check_names(self, names: Sequence[str]) -> None:
        """Refuse names that no guardrail has.

        Raises:
            UnknownGuardrail, GuardrailsUnknown: there is one, or nobody knows.
        """
        if missing := await self.register.missing(names):
            raise UnknownGuardrail(f"The gateway has no guardrail {missing[0]!r}.")

    def guard(self, scope: Scope, names: Collection[str] = (), kept: Collection[str] = ()) -> None:
        """Have the failure of a guardrail noticed: of those named, and of those that guard every call.

        Args:
            scope: the request's.
            names: those that the caller has named, which a setting may allow to leave out.
            kept: those that are applied in the place of another, and never left out.
        """
        scope["state"][_GUARDING] = Guarding(self, names, kept, scope["state"]["exchange"])

    async def own_configs(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """The `guardrailConfig`s of a model's own, asked about anew where nobody here knows the model.

        Raises:
            GuardrailsUnknown: LiteLLM has not said yet which models it has.
            GuardrailsMalformed: it has none of this name, so that nobody knows whose guardrail would be
                replaced: the names that wildcards, keys and teams stand for are not told.
        """
        await self._catalogue.learn(name)
        own = self._catalogue.guardrail_configs(name)
        if own is None:
            raise GuardrailsUnknown
        if not self._catalogue.route(name).providers:
            raise GuardrailsMalformed(
                f"{CONFIG} needs a model that the gateway knows by its own name; which guardrail {name!r} "
                "has is not known."
            )
        return own

    async def _allow(
        self, scope: Scope, fields: Mapping[str, Any], wish: Wish, in_path: str | None
    ) -> None:
        identity = await self._keys.identify(scope)
        await self.check_names(wish.names)
        if not (wish.steering or wish.has_config) or await self._keys.may_write(identity):
            return
        if wish.steering:
            raise GuardrailsNotTheirs(
                f"{wish.steering[0]} is not for a caller to set. Name guardrails in `guardrails`."
            )
        own = await self.own_configs(_only_model(scope, fields, in_path))
        if reason := refuse_config(wish.config, own):
            raise GuardrailsMalformed(reason)


def _only_model(scope: Scope, fields: Mapping[str, Any], in_path: str | None) -> str:
    """The one model that a call with a `guardrailConfig` can be served by."""
    for name in OTHER_MODELS:
        if fields.get(name):
            raise GuardrailsMalformed(f"{name} cannot be used together with {CONFIG}.")
    try:
        model = (
            fields.get("model") if in_path is None else routes.only_model(in_path, scope, fields)
        )
    except CostUnknown as error:
        raise GuardrailsMalformed(error.message) from None
    return model if isinstance(model, str) else ""


def guarding(scope: Scope) -> Guarding | None:
    """What guards a request, where it was looked at."""
    found: Guarding | None = scope["state"].get(_GUARDING)
    return found
