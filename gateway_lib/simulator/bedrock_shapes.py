"""Request bodies against AWS's own description of the API.

botocore ships the service model the SDKs are made from. Checking a received body against it is
stricter than the service, which ignores members it does not know: here a member that a gateway
made up is an error.
"""

from functools import cache

from botocore.model import Shape
from botocore.session import Session
from botocore.validate import ParamValidator

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.refusals import invalid


@cache
def _input_shape(operation: str) -> Shape:
    return Session().get_service_model("bedrock-runtime").shape_for(f"{operation}Request")


def check(operation: str, body: Json, **uri: str) -> None:
    """Check a body, with the members that came in the URI.

    Raises:
        Refusal: The first mistake, with its place.
    """
    report = ParamValidator().validate({**body, **uri}, _input_shape(operation))
    if report.has_errors():
        raise invalid(report.generate_report().splitlines()[0])
