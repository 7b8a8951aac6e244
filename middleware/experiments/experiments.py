"""Serves calls of experiments: who takes part is assigned an arm, and what comes of it is written down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from middleware.again import again
from middleware.auth import Identity, Keys
from middleware.catalogue import Catalogue
from middleware.database import Database
from middleware.errors import CallerGone, ServiceError
from middleware.experiments.calls import Called
from middleware.experiments.definition import Arm
from middleware.experiments.feedback import Feedbacks
from middleware.experiments.lifecycle import Lifecycle
from middleware.experiments.observer import CALLER_LEFT, Observer
from middleware.experiments.outcomes import Outcomes
from middleware.experiments.records import Exposure, Records
from middleware.experiments.register import Register, Version
from middleware.experiments.shadows import Shadows
from middleware.experiments.trial import Trial
from middleware.experiments.units import is_of, unit_of
from middleware.history.conversations import Conversations
from middleware.metrics.instruments import EXPOSURES
from middleware.settings import Settings

NAME, ARM = b"x-experiment", b"x-experiment-arm"


class Experiments:
    """The experiments of the service."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: Keys,
        conversations: Conversations,
        catalogue: Catalogue,
    ) -> None:
        self.register = Register(database)
        self.records = Records(database)
        self.lifecycle = Lifecycle(database, self.register, catalogue)
        self.outcomes = Outcomes(database)
        self.feedbacks = Feedbacks(database, self.register)
        self._shadows = Shadows(self.records, settings.shadow_calls)
        self._keys = keys
        self._conversations = conversations

    def start(self) -> None:
        self.register.start()

    async def close(self) -> None:
        """Wait until what has ended is written."""
        await self.register.close()
        await self._shadows.close()
        await self.records.close()

    async def serve(self, call: Called) -> None:
        """Answer a call by the arm of its unit, or by the control where it does not take part.

        Raises:
            ServiceError: there is no such experiment, the call does not say what its unit is, or its
                assignment could not be written; or what the arm's own call raises.
        """
        identity = await self._keys.identify(call.scope)
        version = await self.register.version(call.name)
        call.scope["state"]["exchange"].headers.append((NAME, version.name.encode()))
        definition = version.definition
        if not version.is_running or not is_of(definition.audience, identity):
            await _serve_apart(call, version)
            return
        unit = await unit_of(definition.unit, call, identity, self._conversations)
        assigner = self.register.assigner
        hashed = assigner.unit(definition.unit, unit.identifier)
        if not version.takes(assigner.place(definition.layer, hashed)):
            await _serve_apart(call, version, unit.opening)
            return
        arm = assigner.arm(definition.arms, version.name, version.number, hashed)
        shadow = None
        if definition.mode == "shadow":
            arm, shadow = definition.control, definition.arms[1]
        trial = Trial(arm, is_counted=True, opening=unit.opening)
        await self._serve_arm(call, version, identity, hashed, trial, shadow)

    async def _serve_arm(
        self,
        call: Called,
        version: Version,
        identity: Identity,
        unit: str,
        trial: Trial,
        shadow: Arm | None,
    ) -> None:
        began, exchange = time.perf_counter(), call.scope["state"]["exchange"]
        author = self.register.assigner.author(identity)
        exposure = Exposure(
            request_id=exchange.request_id,
            experiment_id=version.id,
            unit=unit,
            arm=trial.arm.name,
            role="answer",
            pair=exchange.request_id if shadow else None,
            assigned_at=datetime.now(UTC),
            interface=call.interface,
            streamed=call.streamed,
            team=identity.team_id,
            by_key=author.by_key,
            by_user=author.by_user,
        )
        made = call.made(trial.arm, counted=True)
        number, request_id = await self.records.expose(exposure)
        EXPOSURES.labels(version.name, trial.arm.name, "answer").inc()
        exchange.request_id = request_id
        if shadow:
            # not before: a shadow must not take what is left of a budget or the last slot
            begin = partial(self._shadows.begin, call, shadow, exposure, beside=request_id)
            trial = replace(trial, reserved=begin)
        exchange.headers.append((ARM, trial.arm.name.encode()))
        observer = Observer(call.send, trial.heard, began=began, hides_usage=made.hides_usage)
        scope = {**made.scope, "state": {**made.scope["state"], "trial": trial}}
        raised: int | None = None
        try:
            await made.app(scope, again(made.body, call.receive), observer)
        except BaseException as error:
            raised = status_of(error)
            raise
        finally:
            self.records.end(observer.outcome(number, raised))


async def _serve_apart(call: Called, version: Version, opening: UUID | None = None) -> None:
    """Serve a call that does not take part; the conversation it opens is the unit that was placed."""
    trial = Trial(version.common_arm, is_counted=False, opening=opening)
    made = call.made(trial.arm, counted=False)
    scope = {**made.scope, "state": {**made.scope["state"], "trial": trial}}
    await made.app(scope, again(made.body, call.receive), call.send)


def status_of(error: BaseException) -> int:
    """The HTTP status that stands for how a call failed."""
    if isinstance(error, ServiceError):
        return error.status
    return CALLER_LEFT if isinstance(error, CallerGone | asyncio.CancelledError) else 500
