"""What can be wrong with an experiment, or with a call of one.

::

    ServiceError
    ├── InvalidRequest
    │   ├── ExperimentInvalid      400  the document, or what is asked of the experiment, is not right
    │   └── UnitUnknown            400  the call does not say what stays with its arm
    ├── ExperimentNotFound         404  there is none of this name
    ├── FeedbackNotFound           404  no call of the caller's in an experiment has this request id
    ├── ExperimentConflict         409  it is not in the state that is needed, or the layer is full
    └── ExperimentsUnavailable     503  which experiments there are is not known yet
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from middleware.errors import InvalidRequest, ServiceError


class ExperimentInvalid(InvalidRequest):
    """The document, or what is asked of the experiment, is not right."""

    code = "experiment_invalid"


class UnitUnknown(InvalidRequest):
    """The call does not say what stays with its arm."""

    code = "experiment_unit_unknown"


class ExperimentNotFound(ServiceError):
    """There is no experiment of this name."""

    status = 404
    code = "experiment_not_found"
    kind = "invalid_request_error"
    standard = "There is no such experiment."


class FeedbackNotFound(ServiceError):
    """No call of an experiment has this request id, or it is somebody else's; the answer is the same."""

    status = 404
    code = "request_not_found"
    kind = "invalid_request_error"
    standard = "There is no such call of yours in an experiment."


class ExperimentConflict(ServiceError):
    """The experiment is not in the state that is needed, or its layer is full."""

    status = 409
    code = "experiment_conflict"
    kind = "invalid_request_error"


class ExperimentsUnavailable(ServiceError):
    """Which experiments there are is not known yet."""

    status = 503
    code = "experiments_unavailable"
    standard = "Which experiments there are cannot be told now. Try again shortly."
    standard_headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}
