"""Simulated providers that fail, throttle or have a small context window for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from gateway_lib.errors import ExperimentError
from gateway_lib.settings import process_environment

URL = "GATEWAY_SIMULATOR_URL"


def is_simulated() -> bool:
    """Whether there are simulated providers, which fail when they are asked to."""
    return bool(process_environment().get(URL))


class Simulator:
    """The control API of the local stack's model simulator."""

    def __init__(self, url: str | None = None) -> None:
        """Speak to the simulator at `url`; by default to that of the stack that `gateway env` names.

        Raises:
            ExperimentError: No simulator is known: providers cannot be made to fail.
        """
        known = url or process_environment().get(URL)
        if not known:
            raise ExperimentError(
                f"{URL} is not set: only the providers of the local stack fail when they are asked to"
            )
        self._http = httpx.Client(base_url=f"{known}/control", timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    @contextmanager
    def profile(self, model: str, **changes: Any) -> Iterator[None]:
        """A model with another profile (`gateway_lib.simulator.profiles`) for as long as this lasts."""
        before = self._ask("GET", f"profiles/{model}")
        self._ask("PUT", f"profiles/{model}", changes)
        try:
            yield
        finally:
            self._ask("PUT", f"profiles/{model}", {key: before[key] for key in changes})

    @contextmanager
    def quick(self, models: Sequence[str]) -> Iterator[None]:
        """Models that answer without delay."""
        with ExitStack() as stack:
            for model in models:
                at_once = {"ttft_ms": {"constant": 1}, "itl_ms": {"constant": 0}}
                stack.enter_context(self.profile(model, **at_once))
            yield

    @contextmanager
    def faults(self, faults: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Faults (`gateway_lib.simulator.faults`) beside those that are set already."""
        before = [_without(one, "remaining") for one in self._ask("GET", "faults")]
        self._ask("PUT", "faults", [*before, *map(dict, faults)])
        try:
            yield
        finally:
            self._ask("PUT", "faults", before)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._http.request(method, f"/{path}", json=body)
        except httpx.HTTPError as error:
            raise ExperimentError(f"the model simulator does not answer: {error}") from None
        if answer.is_error:
            raise ExperimentError(
                f"the model simulator refuses {method} {path}: {answer.text[:200]}"
            )
        return answer.json()


def _without(one: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}
