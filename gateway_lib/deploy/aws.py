"""AWS as the preflight, the secrets and the proof see it: with the user's credentials, through boto3.

Clients sign with SigV4 whatever the environment says: where `gateway env` points at a gateway there is a
bearer token for Bedrock, and boto3 would send the gateway's key to AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway_lib.deploy.site import Site
from gateway_lib.errors import DeployError

if TYPE_CHECKING:
    import boto3

_FROM_A_PROFILE = {
    "shared-credentials-file",
    "config-file",
    "assume-role",
    "assume-role-with-web-identity",
    "sso",
    "custom-process",
    "login",
}


class AwsError(DeployError):
    """AWS does not answer, or refuses; the text has its code."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Identity:
    """Who the credentials are of."""

    account: str
    arn: str


class Aws:
    """A session with the credentials and the region of a site."""

    def __init__(self, site: Site) -> None:
        """Find credentials as boto3 does, in the site's variables first.

        Raises:
            AwsError: The profile that is named does not exist.
        """
        import boto3
        from botocore.exceptions import BotoCoreError

        given: dict[str, Any] = {}
        if site.given("AWS_ACCESS_KEY_ID") and site.given("AWS_SECRET_ACCESS_KEY"):
            given = {
                "aws_access_key_id": site.given("AWS_ACCESS_KEY_ID"),
                "aws_secret_access_key": site.given("AWS_SECRET_ACCESS_KEY"),
                "aws_session_token": site.given("AWS_SESSION_TOKEN"),
            }
        elif site.given("AWS_PROFILE"):
            given = {"profile_name": site.given("AWS_PROFILE")}
        try:
            self.session: boto3.Session = boto3.Session(
                region_name=site.region or None, **{k: v for k, v in given.items() if v}
            )
        except BotoCoreError as error:
            raise AwsError(str(error)) from None

    @property
    def profile(self) -> str | None:
        """The named profile that the credentials come from; None where it is the environment or a role."""
        found = self.session.get_credentials()
        if found is None or found.method not in _FROM_A_PROFILE:
            return None
        return str(self.session.profile_name or "default")

    def client(self, service: str, region: str | None = None) -> Any:
        """A client with short timeouts, for a handful of calls."""
        from botocore.config import Config

        # S3's own signature is a variant of v4, and it knows no bearer tokens anyway
        signature: dict[str, Any] = {} if service == "s3" else {"signature_version": "v4"}
        config = Config(
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "max_attempts": 3},
            **signature,
        )
        return self.session.client(service, region_name=region, config=config)  # type: ignore[call-overload]

    def identity(self) -> Identity:
        """Who asks.

        Raises:
            AwsError: There are no credentials, or they are not good.
        """
        with told("STS"):
            found = self.client("sts").get_caller_identity()
        return Identity(str(found["Account"]), str(found["Arn"]))

    def exports(self) -> dict[str, str]:
        """Every export of CloudFormation in the region.

        Raises:
            AwsError: They cannot be listed.
        """
        with told("CloudFormation"):
            pages = self.client("cloudformation").get_paginator("list_exports").paginate()
            return {e["Name"]: e["Value"] for page in pages for e in page["Exports"]}

    def outputs(self, stack: str) -> dict[str, str]:
        """Outputs of a stack.

        Raises:
            AwsError: There is no such stack, or it may not be read.
        """
        with told("CloudFormation"):
            [found] = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {e["OutputKey"]: e["OutputValue"] for e in found.get("Outputs", [])}


@contextmanager
def told(service: str) -> Iterator[None]:
    """Turns boto3's errors into `AwsError`, without the values of a request."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        about = error.response.get("Error", {})
        code = str(about.get("Code", ""))
        raise AwsError(f"{service}: {code}: {about.get('Message', '')}", code) from None
    except (BotoCoreError, ValueError) as error:
        raise AwsError(f"{service}: {error}") from None
