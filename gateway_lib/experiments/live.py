"""Experiments of a live gateway: started, ramped, looked at and ended through its administrative API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pandas as pd

from gateway_lib.clients import AdminClient, error_text
from gateway_lib.errors import ExperimentRefused, GatewayUnreachable
from gateway_lib.experiments import outcomes
from gateway_lib.experiments.file import Experiment, parse
from gateway_lib.settings import Settings
from gateway_lib.settings import settings as process_settings

_PAGE = 20_000
"""Outcomes asked for at a time."""
NEXT = "x-next"
"""Header that says where the next page begins; absent on the last."""


class Live(AdminClient):
    """The experiments of one gateway, with the administrator's key."""

    def __init__(self, settings: Settings | None = None, *, page: int = _PAGE) -> None:
        """Speak to the gateway of `settings`, those of the process when not given.

        Args:
            settings: Of the gateway, with the administrator's key.
            page: Outcomes fetched at a time.

        Raises:
            SettingsError: No gateway or no administrator's key is known.
        """
        super().__init__(settings or process_settings())
        self._page = page

    def start(self, experiment: Experiment, *, new_version: bool = False) -> dict[str, Any]:
        """Freeze the file and start it; where this very file is running already, nothing changes.

        Args:
            experiment: What to start.
            new_version: Whether a running version of another file is stopped for this one.

        Raises:
            ExperimentRefused: The gateway does not start it, and says why.
            GatewayUnreachable: It does not answer.
        """
        query = {"new_version": "true"} if new_version else {}
        path = _path(experiment.name)
        return self._json("PUT", path, params=query, json=experiment.document())

    def list(self) -> list[dict[str, Any]]:
        """The newest version of every experiment."""
        answer = self._json("GET", "/experiments")
        rows = answer.get("experiments", answer.get("data", []))
        return [dict(row) for row in rows]

    def status(self, name: str) -> dict[str, Any]:
        """What it is, whether it runs, and how many calls each arm had.

        Raises:
            ExperimentRefused: There is none of this name.
        """
        return self._json("GET", _path(name))

    def started(self, name: str) -> tuple[Experiment, int]:
        """The file as it was frozen when it started, and its version.

        Raises:
            ExperimentRefused: There is none of this name.
        """
        told = self.status(name)
        return parse(told["document"], f"experiment {name}"), int(told["version"])

    def ramp(self, name: str, share: float) -> dict[str, Any]:
        """Have a larger share of the units take part."""
        return self._json("POST", f"{_path(name)}/ramp", json={"share": share})

    def stop(self, name: str, reason: str) -> dict[str, Any]:
        """Have everybody served by the control, from now on."""
        return self._json("POST", f"{_path(name)}/stop", json={"reason": reason})

    def promote(self, name: str, arm: str) -> dict[str, Any]:
        """Have everybody served by one arm, and end the experiment."""
        return self._json("POST", f"{_path(name)}/promote", json={"arm": arm})

    def outcomes(
        self, name: str, *, version: int | None = None, told: Callable[[int], None] | None = None
    ) -> pd.DataFrame:
        """Every call of a version, with its outcome where it has ended.

        Args:
            name: Of the experiment.
            version: The newest when not given.
            told: Is told after each page how many bytes of it came.

        Returns:
            A row per call with the columns of `gateway_lib.experiments.columns`; its attributes say what it
            is of, so that it can be analysed from a file.

        Raises:
            ExperimentRefused: There is none of this name.
            OutcomesUnusable: What the gateway sent is not readable.
        """
        query = {} if version is None else {"version": version}
        status = self._json("GET", _path(name), params=query)
        of = parse(status["document"], f"experiment {name}")
        number = int(status["version"]) if version is None else version
        frame = outcomes.frame_of(self._pages(name, number, told or _nobody))
        return outcomes.of(frame, of, number)

    def before(self, name: str, frame: pd.DataFrame) -> pd.DataFrame | None:
        """What the units of an experiment had before it began: covariates for its analysis (CUPED).

        Args:
            name: Of the experiment.
            frame: Its outcomes, which say of which version they are and how many days are wanted.

        Returns:
            A row per unit, by its name, with means of its calls; None where none is wanted or known.
        """
        experiment, version = outcomes.about(frame)
        days = experiment.analysis.pre_period_days
        if not days:
            return None
        query = {"version": version, "days": days}
        answer = self._answer("GET", f"{_path(name)}/pre", params=query)
        rows = [json.loads(line) for line in answer.content.splitlines()]
        return pd.DataFrame(rows).set_index("unit").drop(columns="calls") if rows else None

    def feedback(self, request_id: str, name: str, value: float) -> None:
        """Say something of a call later on; the last word about a call counts."""
        body = {"request_id": request_id, "name": name, "value": value}
        self._json("POST", "/experiments/feedback", json=body)

    def _pages(self, name: str, version: int, told: Callable[[int], None]) -> Iterator[bytes]:
        query: dict[str, str | int] = {"version": version, "limit": self._page}
        while True:
            answer = self._answer("GET", f"{_path(name)}/outcomes", params=query)
            told(len(answer.content))
            yield answer.content
            after = answer.headers.get(NEXT)
            if not after:
                return
            query["after"] = after

    def _json(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        answer = self._answer(method, path, **what)
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {"data": found}

    def _answer(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = self.send(method, path, **what)
        if answer.is_server_error:
            text = f"{method} {path}: HTTP {answer.status_code}: {error_text(answer)}"
            raise GatewayUnreachable(text)
        if answer.is_error:
            raise ExperimentRefused(error_text(answer))
        return answer


def _path(name: str) -> str:
    return f"/experiments/{name}"


def _nobody(_: int) -> None:
    return
