"""Every way to route, tried on the live gateway: where each request really went.

The public names that are called are made for it, and each example has a key of its own. LiteLLM's router
settings are the key's, so that nobody else's calls are routed by them, and nothing is deployed anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager

import pandas as pd

from gateway_lib.clients import AdminClient
from gateway_lib.experiments.routing import deployments
from gateway_lib.experiments.routing.calls import count
from gateway_lib.experiments.routing.deployments import Deployment
from gateway_lib.experiments.routing.examples import EXAMPLES, MODELS, Example
from gateway_lib.experiments.routing.provider import Simulator
from gateway_lib.experiments.routing.shares import shares
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

_ROOM_S = 15
"""Seconds of a calendar minute that an example with limits may need."""


def routing_checks(
    settings: Settings | None = None,
    examples: Sequence[Example] = EXAMPLES,
    simulator: Simulator | None = None,
) -> pd.DataFrame:
    """Try every way to route against failing, throttling and context-limited simulated providers.

    It takes some 15 seconds on the local stack, and leaves nothing behind.

    Args:
        settings: Of the gateway, with the administrator's key; those of the process when not given.
        examples: Which ones.
        simulator: Of the providers; the local stack's when not given.

    Returns:
        Index `routing` and `answered_by`, columns of `shares.shares` and `says`, what was configured.

    Raises:
        ExperimentError: No simulated providers are known, or the gateway does not answer.
        GatewayUnreachable: The gateway refuses to make the deployments.
    """
    known = settings or process_settings()
    frames = {}
    with (
        closing(simulator or Simulator()) as providers,
        providers.quick(MODELS),
        _prepared(examples, known) as prepared,
    ):
        for example in _in_order(examples):
            frame = _try(example, *prepared[example.name], known, providers)
            frames[example.name] = frame.assign(says=example.says)
    return pd.concat(
        {example.name: frames[example.name] for example in examples}, names=["routing"]
    )


Group = tuple[tuple[Deployment, ...], object]
"""What examples have in common that call the same name: its deployments, and how one is taken."""
Prepared = tuple[str, str, Mapping[str, str]]
"""The name to call, the key to call with, and what each deployment is called for people."""


@contextmanager
def _prepared(examples: Sequence[Example], settings: Settings) -> Iterator[dict[str, Prepared]]:
    """A name and a key for each example, and all that was made removed again."""
    with AdminClient(settings) as admin, ExitStack() as made:
        prepared: dict[str, Prepared] = {}
        of_config = {
            str(one["model_info"]["id"]): str(one["model_name"])
            for one in admin.get("/v1/model/info")["data"]
        }
        groups: list[tuple[Group, str, dict[str, Deployment]]] = []
        for example in examples:
            # by usage a deployment is taken for what others sent to it, too
            group = example.deployments, example.router.get("routing_strategy")
            found = next(((name, own) for known, name, own in groups if known == group), None)
            if found is None:
                name = f"routing-{secrets.token_hex(4)}"
                made.callback(deployments.remove, name, settings)
                found = name, deployments.create(name, example.deployments, settings)
                groups.append((group, *found))
            name, own = found
            key = admin.post("/key/generate", router_settings=_of(name, example.router))["key"]
            made.callback(admin.post, "/key/delete", keys=[key])
            names = {one: known.model for one, known in own.items()}
            prepared[example.name] = name, key, {**names, **_others(of_config, example)}
        ids = [one for _, _, own in groups for one in own]
        deployments.wait_until_served(ids, settings)
        yield prepared


def _others(of_config: Mapping[str, str], example: Example) -> dict[str, str]:
    """Deployments of the configuration that an example falls back to."""
    own = {one.model for one in example.deployments}
    return {
        one: name for one, name in of_config.items() if name in example.expected and name not in own
    }


def _of(name: str, router: Mapping[str, object]) -> dict[str, object]:
    def put(value: object) -> object:
        if isinstance(value, Mapping):
            return {name if key == "$own" else key: put(one) for key, one in value.items()}
        return [put(one) for one in value] if isinstance(value, list) else value

    return {key: put(value) for key, value in router.items()}


def _in_order(examples: Sequence[Example]) -> Iterator[Example]:
    """Those that count by the minute while there is room in it, else after the others."""
    waiting = [one for one in examples if one.minute]
    others = [one for one in examples if not one.minute]
    while waiting or others:
        room = 60 - time.time() % 60 >= _ROOM_S
        if waiting and (room or not others):
            if not room:
                time.sleep(60 - time.time() % 60)
            yield waiting.pop(0)
        else:
            yield others.pop(0)


def _try(
    example: Example,
    name: str,
    key: str,
    names: Mapping[str, str],
    settings: Settings,
    providers: Simulator,
) -> pd.DataFrame:
    with ExitStack() as stack:
        for model, window in example.window.items():
            stack.enter_context(providers.profile(model, context_window=window))
        stack.enter_context(providers.faults(example.faults))
        user = settings.as_user(key)
        served = [
            count(
                name,
                example.calls,
                interface=interface,
                streamed=streamed,
                text=example.text,
                settings=user,
            )
            for interface in ("openai", "bedrock")
            for streamed in (False, True)
            if example.everywhere or (interface == "openai" and not streamed)
        ]
    return shares(pd.concat(served, ignore_index=True), names, example.expected)
