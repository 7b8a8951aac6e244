"""Everything about identity that the front door needs: made from the settings, asked for every request."""

from __future__ import annotations

from pathlib import Path

from starlette.types import ASGIApp, Scope

from middleware.auth import Keys
from middleware.database import Database
from middleware.identity.accounts import Accounts
from middleware.identity.audit import Audit
from middleware.identity.bearer import Bearers, Exchange, has_token
from middleware.identity.jwks import KeySet
from middleware.identity.management import Management
from middleware.identity.people import People
from middleware.identity.policy import Policy, PolicyBroken
from middleware.identity.routes import READING, meaning
from middleware.identity.sign_up import PATH, SignUp
from middleware.identity.tokens import Tokens
from middleware.settings import Settings
from middleware.upstream import Upstream

ADMITTED_SECONDS = 60.0
"""How long what LiteLLM has of a person is taken for what the policy grants."""


def load_policy(settings: Settings) -> Policy:
    """The policy of the settings; without a file, one that grants nothing to tokens.

    Raises:
        PolicyBroken: it cannot be used, or tokens are accepted and there is none.
    """
    if settings.identity_policy:
        return Policy.load(Path(settings.identity_policy))
    if settings.okta_issuer:
        raise PolicyBroken("MIDDLEWARE_OKTA_ISSUER needs MIDDLEWARE_IDENTITY_POLICY, a policy file")
    return Policy()


class Gate:
    """Says which requests are about identity, and who serves them."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        upstream: Upstream,
        keys: Keys,
        database: Database,
    ) -> None:
        master = settings.litellm_key.get_secret_value()
        accounts = Accounts(upstream, master)
        self.audit = Audit(database)
        self._management = Management(keys, accounts, policy, self.audit)
        self._keys: KeySet | None = None
        self._bearers: Bearers | None = None
        self._sign_up: SignUp | None = None
        if issuer := settings.okta_issuer:
            self._keys = KeySet(issuer, upstream.elsewhere)
            people = People(
                policy,
                accounts,
                self.audit,
                issuer=issuer,
                secret=master,
                seconds=ADMITTED_SECONDS,
            )
            tokens = Tokens(issuer, settings.okta_audience, self._keys)
            self._bearers = Bearers(tokens, people)
            self._sign_up = SignUp(self._bearers, self._management)

    def governs(self, scope: Scope) -> bool:
        """Whether an http request may be one that changes who may do what."""
        path: str = scope["path"]
        found = meaning(path)
        return found.is_dear or (found.is_managed and scope["method"] not in READING)

    def governor(self, scope: Scope) -> ASGIApp:
        """Who serves such a request."""
        return self._sign_up if self._sign_up and self._signs_up(scope) else self._management

    def exchanges(self, scope: Scope) -> bool:
        """Whether a request has a token that its subject's key has to take the place of."""
        return self._bearers is not None and has_token(scope) and not self._signs_up(scope)

    def exchange(self, app: ASGIApp) -> ASGIApp:
        """Serves such a request by `app`."""
        if self._bearers is None:
            return app
        return Exchange(app, self._bearers)

    def _signs_up(self, scope: Scope) -> bool:
        """Whether the token itself is what the request is about."""
        return bool(
            scope["path"].rstrip("/") == PATH
            and scope["type"] == "http"
            and scope["method"] == "POST"
            and has_token(scope)
        )

    async def close(self) -> None:
        if self._keys:
            await self._keys.close()
