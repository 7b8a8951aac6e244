"""AWS's signatures, checked as AWS checks them.

A gateway that signs for the wrong region or service, or signs another path than it sends, works
with every fake that does not look. botocore computes the signature that a request should have.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.requests import Request

from gateway_lib.simulator.refusals import Reason, Refusal

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/"
    r"(?P<service>[^/]+)/aws4_request, ?SignedHeaders=(?P<headers>[^,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_STAMP = "%Y%m%dT%H%M%SZ"
_TOLERANCE = timedelta(minutes=5)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


class Signer(NamedTuple):
    """Who signed a request, and for which region."""

    access_key: str
    region: str


def verify(request: Request, secrets: Mapping[str, str], service: str) -> Signer:
    """Check the signature of a request without a body.

    Args:
        request: The request as it arrived; its path is taken as it was encoded.
        secrets: Secret access keys by access key id.
        service: The service's signing name.

    Raises:
        Refusal: AWS's own, for a signature that is none, or that is of another key, time, service
            or request.
    """
    found = _HEADER.fullmatch(request.headers["authorization"])
    if found is None:
        raise _refused("IncompleteSignatureException", "Authorization header is not valid.")
    secret = secrets.get(found["key"])
    if secret is None:
        raise _refused(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    if found["service"] != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'.")
    stamp = request.headers.get("x-amz-date", "")
    _check_time(stamp, found["date"])
    scope = (found["region"], found["service"])
    if not hmac.compare_digest(
        _signature(request, found["headers"], stamp, (found["key"], secret), scope),
        found["signature"],
    ):
        raise _invalid(_MISMATCH)
    return Signer(found["key"], found["region"])


def check_region(signer: Signer, region: str) -> None:
    """Refuse a signature that is for another region than the one that is asked."""
    if signer.region != region:
        raise _invalid("Credential should be scoped to a valid region.")


def _check_time(stamp: str, date: str) -> None:
    try:
        moment = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise _refused(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ) from None
    if not stamp.startswith(date):
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{date}' != '{stamp[:8]}', from '{stamp}'."
        )
    if abs(datetime.now(UTC) - moment) > _TOLERANCE:
        raise _invalid(f"Signature expired: {stamp} is more than 5 min. from now.")


def _signature(
    request: Request, names: str, stamp: str, key: tuple[str, str], scope: tuple[str, str]
) -> str:
    headers = request.headers
    raw_path, query = request.scope["raw_path"].decode(), request.url.query
    url = f"http://{headers['host']}{raw_path}" + (f"?{query}" if query else "")
    signed = {name: headers[name] for name in names.split(";") if name in headers}
    expected = AWSRequest(request.method, url, signed)
    expected.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(*key), scope[1], scope[0])
    to_sign = signer.string_to_sign(expected, signer.canonical_request(expected))
    return str(signer.signature(to_sign, expected))


def _invalid(message: str) -> Refusal:
    return _refused("InvalidSignatureException", message)


def _refused(code: str, message: str) -> Refusal:
    return Refusal(Reason.STATUS, message, status=403, code=code)
