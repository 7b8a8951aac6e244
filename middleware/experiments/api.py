"""The endpoints by which experiments are started, watched and ended, and by which callers give feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from middleware.auth import Keys
from middleware.caller import Caller
from middleware.errors import Forbidden
from middleware.experiments.errors import ExperimentInvalid
from middleware.experiments.experiments import Experiments
from middleware.experiments.feedback import Feedback
from middleware.experiments.outcomes import MOST_ROWS
from middleware.experiments.register import Version

_MOST_BYTES = 2**20
_MOST_CHARACTERS = 1000
_LINES = "application/x-ndjson"
router = APIRouter()
Name = Annotated[str, Path()]
Number = Annotated[int | None, Query(ge=1, lt=2**31)]


async def administered(request: Request) -> Experiments:
    """The experiments, for an administrator who may write; others are refused before anything is read."""
    keys: Keys = request.app.state.keys
    if not await keys.may_write(await keys.identify(request.scope)):
        raise Forbidden("Experiments are for administrators.")
    found: Experiments = request.app.state.experiments
    return found


Administered = Annotated[Experiments, Depends(administered)]


@router.post("/experiments/feedback")
async def feedback(request: Request) -> Response:
    """What the caller thinks of an answer of an experiment's."""
    keys: Keys = request.app.state.keys
    identity = await keys.identify(request.scope)
    given = Feedback.of(await _document(request))
    experiments: Experiments = request.app.state.experiments
    await experiments.feedbacks.give(identity, given)
    return _json({"request_id": given.request_id, "name": given.name, "value": given.value})


@router.get("/experiments")
async def listed(experiments: Administered) -> Response:
    """The newest version of each, without its document."""
    return _json({"experiments": [_described(each) for each in await experiments.register.all()]})


@router.put("/experiments/{name}")
async def start(request: Request, name: Name, experiments: Administered) -> Response:
    """Start an experiment, or say that it is running."""
    document = await _document(request)
    new_version = request.query_params.get("new_version", "false")
    if new_version not in ("true", "false"):
        raise ExperimentInvalid("new_version is true or false.")
    started = await experiments.lifecycle.start(name, document, new_version=new_version == "true")
    version = await experiments.register.version(name)
    return _json(_described(version), status=201 if started else 200)


@router.get("/experiments/{name}")
async def experiment(name: Name, experiments: Administered, version: Number = None) -> Response:
    """A version with the document, and how many calls each arm has; the newest where none is named."""
    found = await experiments.outcomes.version(name, version)
    arms = await experiments.outcomes.counts(found)
    document = orjson.Fragment(found.document)
    return _json({**_described(found), "document": document, "arms": arms})


@router.post("/experiments/{name}/ramp")
async def ramp(request: Request, name: Name, experiments: Administered) -> Response:
    """Have a larger share take part: `{"share": 0.5}`."""
    share = _member(await _document(request), "share")
    if type(share) not in (int, float):
        raise ExperimentInvalid("share must be a number.")
    await experiments.lifecycle.ramp(name, float(share))
    return _json(_described(await experiments.register.version(name)))


@router.post("/experiments/{name}/stop")
async def stop(request: Request, name: Name, experiments: Administered) -> Response:
    """The kill switch: everybody is served by the control: `{"reason": "..."}`."""
    reason = _text(_member(await _document(request), "reason"), "reason")
    await experiments.lifecycle.stop(name, reason)
    return _json(_described(await experiments.register.version(name)))


@router.post("/experiments/{name}/promote")
async def promote(request: Request, name: Name, experiments: Administered) -> Response:
    """Everybody is served by one arm from now on: `{"arm": "..."}`."""
    arm = _text(_member(await _document(request), "arm"), "arm")
    await experiments.lifecycle.promote(name, arm)
    return _json(_described(await experiments.register.version(name)))


@router.get("/experiments/{name}/outcomes")
async def outcomes(
    name: Name,
    experiments: Administered,
    version: Number = None,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 5000,
) -> Response:
    """A page of its calls, a line of JSON each; `x-next` is the `after` of the next page."""
    found = await experiments.outcomes.version(name, version)
    page = await experiments.outcomes.page(found, after, limit)
    return StreamingResponse(
        experiments.outcomes.lines(page),
        headers={"x-next": str(page.last)} if page.is_full else {},
        media_type=_LINES,
    )


@router.get("/experiments/{name}/pre")
async def pre(
    name: Name,
    experiments: Administered,
    version: Number = None,
    days: Annotated[float, Query(gt=0, le=3650)] = 28.0,
) -> Response:
    """What its units had in the days before this version started, a line of JSON for each unit that had any.

    Means of answers that ended well, in any experiment: earlier versions of this one are among them.
    """
    found = await experiments.outcomes.version(name, version)
    rows = await experiments.outcomes.before(found, days)
    body = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    return Response(body, media_type=_LINES)


def _described(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "model": version.definition.model,
        "version": version.number,
        "digest": version.digest,
        "state": version.state,
        "share": version.share,
        "layer": version.definition.layer,
        "layer_range": [version.taken_from, version.taken_from + version.reserved],
        "started_at": version.started_at,
        "stopped_at": version.stopped_at,
        "reason": version.reason,
        "promoted": version.promoted,
    }


async def _document(request: Request) -> Any:
    body = await Caller(request.receive).whole(_MOST_BYTES)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ExperimentInvalid(f"The request body is not valid JSON: {error}.") from None


def _member(document: Any, name: str) -> Any:
    if not isinstance(document, Mapping) or set(document) != {name}:
        raise ExperimentInvalid(
            f"The request body must be an object with {name}, and nothing else."
        )
    return document[name]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _MOST_CHARACTERS:
        raise ExperimentInvalid(f"{name} must be a text of 1 to {_MOST_CHARACTERS} characters.")
    return value


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
