"""Guardrails as the gateway serves them: what a call may say of them, and which guard it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Scope

from middleware.auth import Keys
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
from middleware.guardrails.wish import Wish, refuse_config
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

    async def check(self, scope: Scope, fields: Mapping[str, Any], model: Any) -> Wish:
        """Look at the body of a call, and have the call guarded.

        Args:
            scope: the request's.
            fields: its body.
            model: the name of its model.

        Raises:
            ServiceError: what it says of guardrails cannot be honoured.
        """
        wish = Wish.of(fields)
        if not wish.is_empty:
            await self._allow(scope, wish, model)
        self.guard(scope, wish.names)
        return wish

    async def check_names(self, names: Sequence[str]) -> None:
        """Refuse names that no guardrail has.

        Raises:
            UnknownGuardrail, GuardrailsUnknown: there is one, or nobody knows.
        """
        if missing := await self.register.missing(names):
            raise UnknownGuardrail(f"The gateway has no guardrail {missing[0]!r}.")

    def guard(self, scope: Scope, names: tuple[str, ...] = ()) -> None:
        """Have the failure of a guardrail noticed: of those named, and of those that guard every call."""
        scope["state"][_GUARDING] = Guarding(self, names, scope["state"]["exchange"])

    async def _allow(self, scope: Scope, wish: Wish, model: Any) -> None:
        identity = await self._keys.identify(scope)
        await self.check_names(wish.names)
        if not (wish.steering or wish.has_config) or await self._keys.is_admin(identity):
            return
        if wish.steering:
            raise GuardrailsNotTheirs(
                f"{wish.steering[0]} is not for a caller to set. Name guardrails in `guardrails`."
            )
        name = model if isinstance(model, str) else ""
        await self._catalogue.learn(name)
        own = self._catalogue.guardrail_configs(name)
        if own is None:
            raise GuardrailsUnknown
        if reason := refuse_config(wish.config, own):
            raise GuardrailsMalformed(reason)


def guarding(scope: Scope) -> Guarding | None:
    """What guards a request, where it was looked at."""
    found: Guarding | None = scope["state"].get(_GUARDING)
    return found
