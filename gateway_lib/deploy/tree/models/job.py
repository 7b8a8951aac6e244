"""The manifest of a `Scheduled Job`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway_lib.deploy.tree.models.base import Duration, Section
from gateway_lib.deploy.tree.models.containers import Task


class Trigger(Section):
    """When the job runs."""

    schedule: str | None = None


class ScheduledJob(Task):
    """What an environment may set anew."""

    on: Trigger | None = None
    timeout: Duration | None = None
    retries: Annotated[int, Field(ge=0)] | None = None


class ScheduledJobManifest(ScheduledJob):
    """The whole manifest."""

    name: str | None = None
    type: str | None = None
    environments: dict[str, ScheduledJob | None] | None = None
