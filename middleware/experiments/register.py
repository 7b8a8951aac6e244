"""Which experiments there are. Every replica knows the newest version of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
import orjson

from middleware.auth import Identity
from middleware.database import Database
from middleware.experiments.assignment import Assigner, Author
from middleware.experiments.definition import Arm, Definition
from middleware.experiments.errors import ExperimentNotFound, ExperimentsUnavailable
from middleware.revisions import Revisions

log = logging.getLogger("middleware")
State = Literal["running", "stopped", "promoted"]
_CHANGED = "SELECT * FROM experiments, experiment_secret WHERE revision > $1 ORDER BY revision"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an experiment, frozen when it started; only its state and its share change."""

    id: int
    name: str
    number: int
    digest: str
    document: bytes
    """The JSON of the whole file."""
    definition: Definition
    state: State
    share: float
    """The share of the layer's units that takes part."""
    taken_from: float
    """Where its part of the layer begins."""
    reserved: float
    """How large that part is."""
    promoted: str | None
    """The arm that everybody gets, once one was promoted."""
    reason: str | None
    """Why it was stopped."""
    started_at: datetime
    stopped_at: datetime | None

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    def takes(self, place: float) -> bool:
        """Whether a unit at this place of the layer takes part."""
        return self.taken_from <= place < self.taken_from + self.share

    @property
    def common_arm(self) -> Arm:
        """The arm of whoever does not take part: the promoted one, else the control."""
        for arm in self.definition.arms:
            if arm.name == self.promoted:
                return arm
        return self.definition.control

    @classmethod
    def of(cls, row: asyncpg.Record) -> Version:
        """The version of a row of `experiments`."""
        routing = orjson.loads(row["document"])["routing"]
        return cls(
            id=row["id"],
            name=row["name"],
            number=row["version"],
            digest=row["digest"],
            document=row["document"],
            definition=Definition.model_validate(routing),
            state=row["state"],
            share=row["share"],
            taken_from=row["taken_from"],
            reserved=row["reserved"],
            promoted=row["promoted"],
            reason=row["reason"],
            started_at=row["started_at"],
            stopped_at=row["stopped_at"],
        )


class Register:
    """Keeps what is known of them."""

    def __init__(self, database: Database) -> None:
        self._known: dict[str, Version] = {}
        self._unreadable: set[str] = set()
        self._assigner: Assigner | None = None
        self._revisions = Revisions(database, _CHANGED, self._take, subject="experiments")

    def start(self) -> None:
        self._revisions.start()

    async def close(self) -> None:
        await self._revisions.close()

    async def read(self) -> None:
        """Read what has changed now. Raises `DatabaseUnavailable`."""
        await self._revisions.read()

    @property
    def assigner(self) -> Assigner:
        """Places units; there is one as soon as there is an experiment."""
        if self._assigner is None:
            raise ExperimentsUnavailable
        return self._assigner

    async def author(self, identity: Identity) -> Author | None:
        """By what a caller is known again; None where no experiment ever was, and so no call of his."""
        await self._known_by_now()
        return self._assigner.author(identity) if self._assigner else None

    async def version(self, name: str) -> Version:
        """The newest version of an experiment.

        Raises:
            ExperimentNotFound: there is none of this name.
            ExperimentsUnavailable: the database could not be asked yet, or a newer release of the service has
                started it and this replica does not understand it.
            DatabaseUnavailable: it may be a new one, and the database cannot be asked.
        """
        await self._known_by_now()
        if name not in self._known and name not in self._unreadable:
            await self.read()  # another replica may have started it within this second
        if name in self._unreadable:
            raise ExperimentsUnavailable
        try:
            return self._known[name]
        except KeyError:
            raise ExperimentNotFound(f"There is no experiment {name[:100]!r}.") from None

    async def all(self) -> list[Version]:
        """The newest version of each, by name. Raises `ExperimentsUnavailable`."""
        await self._known_by_now()
        return [self._known[name] for name in sorted(self._known)]

    async def _known_by_now(self) -> None:
        if not self._revisions.are_known and not await self._revisions.become_known():
            raise ExperimentsUnavailable

    def _take(self, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            known = self._known.get(row["name"])
            if known is None or row["version"] >= known.number:
                self._take_newest(row)
            if self._assigner is None:
                self._assigner = Assigner(row["secret"].encode())

    def _take_newest(self, row: asyncpg.Record) -> None:
        name = row["name"]
        try:
            self._known[name] = Version.of(row)
            self._unreadable.discard(name)
        except ValueError as error:  # and the version before it is not served in its place
            log.error("experiment %s cannot be read here: %s", name, type(error).__name__)
            self._known.pop(name, None)
            self._unreadable.add(name)
