"""Deployments of one public name, made and removed through LiteLLM's API while the gateway runs.

LiteLLM keeps them in its database. The worker that is asked serves them at once; the others learn of them
through Redis, or when they next look into the database, at the latest `POLL_S` seconds later.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from gateway_lib import config
from gateway_lib.clients import AdminClient, http_client
from gateway_lib.errors import ExperimentRefused, GatewayUnreachable
from gateway_lib.settings import Settings, process_environment
from gateway_lib.settings import settings as process_settings

POLL_S = 30.0
"""Seconds within which a worker of LiteLLM reads its database anew: the default of its
`proxy_config_reload_interval_seconds`."""
PROBES = 16
"""Questions that are under way together, so that they come to every worker."""
_ROUNDS = 3
_MARGIN_S = 5.0
_OURS = "routed-"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One of several behind a public name.

    Attributes:
        model: A public model of the configuration, whose provider, key and address it has.
        weight: Its part of the traffic, in proportion to the others' of the name.
        rpm: Calls a minute that LiteLLM holds it to.
        tpm: Tokens a minute that LiteLLM holds it to.
        params: More of LiteLLM's `litellm_params`.
        info: More of LiteLLM's `model_info`. Sizes and prices in it count for every deployment of the same
            provider's model, and until LiteLLM is started anew.
    """

    model: str
    weight: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


def create(
    name: str, deployments: Sequence[Deployment], settings: Settings | None = None
) -> dict[str, Deployment]:
    """Make deployments of a public name that nobody has yet. Callers wait for `wait_until_served`.

    No key of a provider is sent: what is sent is the configuration's own reference to it.

    Returns:
        Each by the id that answers name in `x-litellm-model-id`.

    Raises:
        ExperimentRefused: The name is taken, LiteLLM would not read the weights, or a model is not of the
            configuration. Nothing is left of what was made until then.
        GatewayUnreachable: The gateway does not do it.
    """
    known = settings or process_settings()
    entries = [_entry(name, one, known) for one in deployments]
    made: dict[str, Deployment] = {}
    with AdminClient(known) as admin:
        if _of_name(admin, name):
            raise ExperimentRefused(f"the gateway has a model {name} already")
        if any(one.weight is not None for one in deployments):
            _refuse_ignored_weights(admin)
        try:
            for entry, one in zip(entries, deployments, strict=True):
                made[entry["model_info"]["id"]] = one
                admin.post("/model/new", **entry)
        except BaseException:
            with suppress(GatewayUnreachable):  # the last of them may not have been made
                _delete(admin, list(made))
            raise
    return made


def wait_until_served(ids: Sequence[str], settings: Settings | None = None) -> float:
    """Wait until every worker of LiteLLM has these deployments.

    Rounds of simultaneous questions go to whichever workers there are, until in several rounds none was
    answered by one that does not know them. Where there may be workers that got none of the questions,
    which is everywhere but on the local stack with its one worker, `POLL_S` is waited for in any case.

    Returns:
        Seconds that it took.

    Raises:
        GatewayUnreachable: Some worker still does not have them long after it should.
    """
    known = settings or process_settings()
    began = time.monotonic()
    least = 0.0 if _is_local(known) else POLL_S + _MARGIN_S
    deadline, good = began + 3 * POLL_S, 0
    with http_client(known, known.admin_key()) as http, ThreadPoolExecutor(PROBES) as pool:
        while good < _ROUNDS:
            asked = [ids[number % len(ids)] for number in range(max(PROBES, len(ids)))]
            good = good + 1 if all(pool.map(lambda one: _serves(http, one), asked)) else 0
            if not good:
                time.sleep(0.2)
            if time.monotonic() > deadline:
                raise GatewayUnreachable(
                    f"not every worker of LiteLLM serves the new deployments after {3 * POLL_S:.0f} s"
                )
    time.sleep(max(0.0, began + least - time.monotonic()))
    return time.monotonic() - began


def remove(name: str, settings: Settings | None = None) -> int:
    """Remove what `create` made of a name, also what an earlier process left; returns how many.

    Deployments of the configuration, and those that others made, stay.

    Raises:
        GatewayUnreachable: The gateway does not do it.
    """
    with AdminClient(settings or process_settings()) as admin:
        ids = [one for one in _of_name(admin, name) if one.startswith(_OURS)]
        return _delete(admin, ids)


@contextmanager
def deployed(
    name: str, deployments: Sequence[Deployment], settings: Settings | None = None
) -> Iterator[dict[str, Deployment]]:
    """Deployments of a public name for as long as the context lasts, served by every worker.

    Yields:
        Each by its id, as `create` returns them.

    Raises:
        ExperimentRefused: See `create`.
        GatewayUnreachable: See `create` and `wait_until_served`.
    """
    made = create(name, deployments, settings)
    try:
        wait_until_served(list(made), settings)
        yield made
    finally:
        remove(name, settings)


def names_of(made: Mapping[str, Deployment]) -> dict[str, str]:
    """By id, the model of each deployment."""
    return {identifier: one.model for identifier, one in made.items()}


def _entry(name: str, one: Deployment, settings: Settings) -> dict[str, Any]:
    place: config.Place = "local" if _is_local(settings) else "aws"
    listed = config.load(place, process_environment(), settings.config).get("model_list") or []
    found = next((entry for entry in listed if entry["model_name"] == one.model), None)
    if found is None:
        raise ExperimentRefused(f"the configuration has no model {one.model}")
    limits = {"weight": one.weight, "rpm": one.rpm, "tpm": one.tpm}
    given = {key: value for key, value in limits.items() if value is not None}
    dropped = {"weight", "rpm", "tpm"}  # of the model itself
    params = {key: v for key, v in found["litellm_params"].items() if key not in dropped}
    info = {key: v for key, v in (found.get("model_info") or {}).items() if key != "id"}
    return {
        "model_name": name,
        "litellm_params": {**params, **given, **one.params},
        "model_info": {**info, **one.info, "id": f"{_OURS}{secrets.token_hex(8)}"},
    }


def _refuse_ignored_weights(admin: AdminClient) -> None:
    values = admin.get("/router/settings").get("current_values") or {}
    strategy = values.get("routing_strategy")
    if strategy != "simple-shuffle":
        raise ExperimentRefused(
            f"the gateway routes by {strategy}, which does not read weights; simple-shuffle does"
        )


def _of_name(admin: AdminClient, name: str) -> list[str]:
    """Ids of the deployments of a public name."""
    listed = admin.get("/v1/model/info").get("data") or []
    return [str(one["model_info"]["id"]) for one in listed if one.get("model_name") == name]


def _serves(http: httpx.Client, identifier: str) -> bool:
    try:
        answer = http.get("/v1/model/info", params={"litellm_model_id": identifier})
    except httpx.HTTPError as error:
        raise GatewayUnreachable(f"GET /v1/model/info: {error or type(error).__name__}") from None
    return answer.is_success


def _delete(admin: AdminClient, ids: Sequence[str]) -> int:
    failures: list[GatewayUnreachable] = []
    for one in ids:
        try:
            admin.post("/model/delete", id=one)
        except GatewayUnreachable as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return len(ids)


def _is_local(settings: Settings) -> bool:
    return urlsplit(settings.gateway()).hostname in ("localhost", "127.0.0.1", "::1")
