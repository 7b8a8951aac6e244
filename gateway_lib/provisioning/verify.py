"""Whether the keys do what the roster says, found out by calling the gateway with them.

Every call asks for one token. What cannot be tried is told, not taken for granted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway_lib.clients import AdminClient
from gateway_lib.errors import GatewayError
from gateway_lib.provisioning.calls import Answer, Calls
from gateway_lib.provisioning.catalogue import Catalogue
from gateway_lib.provisioning.delivery import Delivery
from gateway_lib.provisioning.live import LiveKey, read_keys
from gateway_lib.provisioning.wanted import WantedKey, WantedUser

_WINDOW_S = 61.0
"""Seconds after which LiteLLM's limits per minute count anew: from the first call on, not by the clock."""
_POLL_S = 2.0
_DENIED = (401, 403)


@dataclass(frozen=True)
class Check:
    """One thing that was tried with one key.

    Attributes:
        user_id: Whose key.
        key: Its alias.
        check: What was tried.
        expected: What should happen, in words.
        found: What happened, in words.
        ok: None where it could not be tried, or nothing can be said.
        calls: How many calls it took.
        cost_usd: What they cost, as the gateway says.
    """

    user_id: str
    key: str
    check: str
    expected: str
    found: str
    ok: bool | None
    calls: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Verifier:
    """Tries keys of one gateway.

    Attributes:
        admin: Client of its admin API.
        delivery: Where the keys are.
        calls: Makes calls with them.
        most_calls: The highest limit per minute that is tried out.
        wait: Sleeps; while a limit that is used up counts anew.
    """

    admin: AdminClient
    delivery: Delivery
    calls: Calls
    most_calls: int = 20
    wait: Callable[[float], None] = time.sleep

    def verify(self, users: Sequence[WantedUser]) -> Iterator[Check]:
        """Try one key of each user: an allowed model, a forbidden one, the limit of calls per minute."""
        catalogue = Catalogue.read(self.admin)
        for user in users:
            try:
                yield from self._user(user, catalogue)
            except GatewayError as error:
                yield Check(user.user_id, "", "any call", "an answer", str(error), False)

    def _user(self, user: WantedUser, catalogue: Catalogue) -> Iterator[Check]:
        if not user.keys:
            yield Check(user.user_id, "", "any call", "", "they have no key", None)
            return
        wanted = user.keys[0]
        live = {key.alias: key for key in read_keys(self.admin, user.user_id)}.get(wanted.alias)
        value = self.delivery.find(wanted.alias, live.token) if live else None
        if live is None or value is None:
            why = f"not in {self.delivery.place}" if live else "not in the gateway"
            ok = None if live else False
            yield Check(user.user_id, wanted.alias, "any call", "a key", f"the key is {why}", ok)
            return
        yield from self._key(user, wanted, live, value, catalogue)

    def _key(
        self, user: WantedUser, wanted: WantedKey, live: LiveKey, value: str, catalogue: Catalogue
    ) -> Iterator[Check]:
        lists = (user.fields["models"], wanted.fields["models"])
        allowed = catalogue.allowed(*lists)
        who = (user.user_id, wanted.alias)
        if not allowed:
            yield Check(*who, "allowed model", "", "no allowed model is served", None)
            return
        limit, model = _tightest(user, wanted, allowed)
        if limit == 0:
            yield Check(*who, "allowed model", "", "the limit is no call at all", None)
            yield self._forbidden(who, value, catalogue, allowed)
            return
        first, calls = self._first(value, model, catalogue)
        yield Check(
            *who, "allowed model", f"{model} answers", first.words or f"{model} answers",
            first.status == 200, calls, first.cost_usd,
        )  # fmt: skip
        yield self._forbidden(who, value, catalogue, allowed)
        if limit is None or limit > self.most_calls:
            why = "no limit" if limit is None else f"it would take {limit + 1} calls"
            yield Check(*who, "limit per minute", "", why, None)
        elif first.status == 200:
            yield self._limit(who, value, model, catalogue, limit, first)

    def _first(self, value: str, model: str, catalogue: Catalogue) -> tuple[Answer, int]:
        """The first call, made again while a limit is used up by calls before."""
        deadline, calls = time.monotonic() + _WINDOW_S, 0
        while True:
            answer = self.calls.make(value, model, catalogue.models[model])
            calls += 1
            if answer.status != 429 or time.monotonic() >= deadline:
                return answer, calls
            self.wait(_POLL_S)

    def _forbidden(
        self, who: tuple[str, str], value: str, catalogue: Catalogue, allowed: Sequence[str]
    ) -> Check:
        forbidden = [model for model in catalogue.models if model not in allowed]
        if not forbidden:
            return Check(*who, "forbidden model", "", "every model is allowed", None)
        model = forbidden[0]
        answer = self.calls.make(value, model, catalogue.models[model])
        ok = answer.status in _DENIED and "denied" in answer.kind
        expected = f"{model} is refused"
        return Check(*who, "forbidden model", expected, answer.words, ok, 1, answer.cost_usd)

    def _limit(
        self,
        who: tuple[str, str],
        value: str,
        model: str,
        catalogue: Catalogue,
        limit: int,
        first: Answer,
    ) -> Check:
        """Call until refused.

        The gateway tells after each call how many are left, so that calls which were made before this
        check, and a minute that ends during it, are told from a wrong limit.
        """
        left = first.remaining.get(limit)
        if left is None:
            told = f"the gateway tells of no limit of {limit}"
            return Check(*who, "limit per minute", f"{limit} calls of {model}", told, False)
        before, cost, calls, passed = limit - 1 - left, 0.0, 0, 1
        for _ in range(2 * limit + 2):
            answer = self.calls.make(value, model, catalogue.models[model])
            calls, cost = calls + 1, cost + answer.cost_usd
            if answer.status != 200:
                break
            now_left = answer.remaining.get(limit)
            turned = now_left is not None and now_left > left
            passed = 1 if turned else passed + 1
            before = 0 if turned else before
            left = now_left if now_left is not None else left - 1
        refused = answer.status == 429
        number = before + passed + 1
        found = f"call {number} of {model} in a minute is refused" if refused else answer.words
        ok = refused and left == 0 and number == limit + 1
        expected = f"call {limit + 1} of {model} in a minute is refused"
        return Check(*who, "limit per minute", expected, found, ok, calls, cost)


def _tightest(
    user: WantedUser, wanted: WantedKey, allowed: Sequence[str]
) -> tuple[int | None, str]:
    """The lowest limit of calls per minute, and an allowed model that it binds: the cheapest."""
    found: list[tuple[int, int, str]] = []
    for place, model in enumerate(allowed):
        limits = (
            user.fields["rpm_limit"],
            wanted.fields["rpm_limit"],
            wanted.fields["model_rpm_limit"].get(model),
        )
        found += [(limit, place, model) for limit in limits if limit is not None]
    if not found:
        return None, allowed[0]
    limit, _, model = min(found)
    return limit, model
