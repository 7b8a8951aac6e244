"""The same from a configuration's file: what LiteLLM makes of it, and what the linter says to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_lib import config, local
from gateway_lib.clients import AdminClient
from gateway_lib.config import variables
from gateway_lib.errors import ExperimentRefused
from gateway_lib.experiments import routing
from gateway_lib.experiments.routing import Deployment
from gateway_lib.experiments.routing.examples import FIRST, LONG, MODELS, SECOND, THIRD, WINDOW
from gateway_lib.experiments.routing.provider import Simulator
from gateway_lib.experiments.routing.shares import REFUSED
from gateway_lib.local.client import RunningStack
from gateway_lib.settings import Settings, settings_of

from .minutes import within_a_minute

KEYS = {one.name: "given" for one in variables.PROVIDERS}
DOWN = {"match": FIRST, "kind": "status", "status": 500}


def deployment(name: str, model: str, info: dict[str, Any] | None = None, **params: Any) -> Any:
    key = {} if model.startswith("bedrock/") else {"api_key": "os.environ/OPENAI_API_KEY"}
    entry = {"model_name": name, "litellm_params": {"model": model, **key, **params}}
    return {**entry, "model_info": info} if info else entry


WEIGHTED = [
    deployment("ab", f"openai/{FIRST}", weight=9),
    deployment("ab", f"bedrock/{THIRD}", weight=1),
]
BY_USAGE = {
    "model_list": [
        *WEIGHTED,
        deployment("small", f"openai/{FIRST}", {"max_input_tokens": WINDOW}),
    ],
    "router_settings": {
        "routing_strategy": "usage-based-routing-v2",
        "enable_pre_call_checks": True,
        "context_window_fallbacks": [{"small": [THIRD]}],
        "default_fallbacks": [SECOND],
    },
}
"""The guide's own: weights under the strategy that does not read them, and the fallbacks."""
LIMITED = [
    {**deployment("limited", f"openai/{model}"), "rpm": rpm, "tpm": 100_000}
    for model, rpm in ((FIRST, 5), (SECOND, 10))
]
"""Limits as the guide writes them, beside `litellm_params`."""
SHUFFLED = {
    "model_list": [deployment("falls", f"openai/{FIRST}"), *WEIGHTED, *LIMITED],
    "router_settings": {"fallbacks": [{"falls": [THIRD]}], "default_fallbacks": [SECOND]},
}
"""Weights as they work, and default fallbacks beside others, which do not."""

Configured = tuple[Settings, Simulator]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Configured]]:
    """Starts a stack of a configuration; one at a time."""
    with ExitStack() as made:

        def start(content: dict[str, Any]) -> Configured:
            made.close()
            path = written(tmp_path_factory.mktemp("configured"), content)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("GATEWAY_CONFIG", str(path))
                state = local.State(path.parent / "state")
                stack: RunningStack = local.start_detached(state, owned=True)
            made.callback(stack.stop)
            url = stack.environment["GATEWAY_SIMULATOR_URL"]
            simulator = made.enter_context(closing(Simulator(url)))
            made.enter_context(simulator.quick(MODELS))
            return settings_of({**stack.environment, "GATEWAY_CONFIG": str(path)}), simulator

        yield start


@pytest.fixture(scope="module")
def by_usage(running: Callable[..., Configured]) -> Configured:
    return running(BY_USAGE)


@pytest.fixture(scope="module")
def shuffled(running: Callable[..., Configured]) -> Configured:
    return running(SHUFFLED)


def written(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    extended = {"extends": str(config.CONFIG_DIR / "default-config.yaml"), **content}
    path.write_text(yaml.safe_dump(extended))
    return path


def answered_by(settings: Settings, model: str, calls: int, **more: Any) -> dict[str, int]:
    """How many calls each model of a provider answered."""
    with AdminClient(settings) as admin:
        names = {
            one["model_info"]["id"]: one["litellm_params"]["model"].partition("/")[2]
            for one in admin.get("/v1/model/info")["data"]
        }
    served = routing.count(model, calls, settings=settings, **more)
    split = routing.shares(served, names)
    return {str(name): int(n) for name, n in split["calls"].items() if n}


def test_weights_are_split_evenly_by_usage(by_usage):
    split = answered_by(by_usage[0], "ab", 200)
    assert 60 < split[FIRST] < 140 and split[FIRST] + split[THIRD] == 200


def test_weights_that_would_be_ignored_are_not_made(by_usage, name):
    with pytest.raises(ExperimentRefused, match="usage-based-routing-v2, which does not read"):
        routing.create(name, [Deployment(FIRST, 9), Deployment(THIRD, 1)], by_usage[0])


def test_a_prompt_too_long_falls_back(by_usage):
    assert answered_by(by_usage[0], "small", 6, text=LONG) == {THIRD: 6}
    assert answered_by(by_usage[0], "small", 6) == {FIRST: 6}


def test_default_fallbacks_stand_in_for_any_model(by_usage):
    settings, simulator = by_usage
    with simulator.faults([DOWN]):
        assert answered_by(settings, FIRST, 6) == {SECOND: 6}


@pytest.mark.parametrize(
    ("content", "rule"), [(BY_USAGE, "routing/weight-ignored"), (SHUFFLED, "fallback/default-lost")]
)
def test_the_linter_refuses(tmp_path, content, rule):
    found = [one.rule for one in config.lint(written(tmp_path, content), KEYS)]
    assert rule in found


def test_nothing_else_is_wrong_with_the_weights_as_they_work(tmp_path):
    router = {"fallbacks": [{"falls": [THIRD]}, {"*": [SECOND]}]}
    assert config.lint(written(tmp_path, {**SHUFFLED, "router_settings": router}), KEYS) == []


def test_weights_of_a_file_are_honoured(shuffled):
    split = answered_by(shuffled[0], "ab", 300)
    assert 5 < split[THIRD] < 60 and split[FIRST] + split[THIRD] == 300


def test_limits_beside_the_parameters_bind_too(shuffled):
    within_a_minute(15)
    assert answered_by(shuffled[0], "limited", 20) == {FIRST: 5, SECOND: 10, REFUSED: 5}


def test_default_fallbacks_beside_others_are_lost(shuffled, name):
    """If LiteLLM mends it this fails, and the linter's rule can go."""
    settings, simulator = shuffled
    made = routing.create(name, [Deployment(SECOND)], settings)  # it reads its settings anew
    routing.wait_until_served(list(made), settings)
    with simulator.faults([DOWN]):
        assert answered_by(settings, "falls", 6) == {THIRD: 6}
        assert set(routing.count(FIRST, 6, settings=settings)["status"]) == {500}
