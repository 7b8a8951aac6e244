"""Handing issued keys over to AWS Secrets Manager, a secret for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway_lib.errors import DeliveryError
from gateway_lib.provisioning.issued import IssuedKey, token_of


class SecretsManager:
    """Keys as secrets `<prefix><alias>`, whose value is the JSON document that a key file would hold.

    Region, credentials and endpoint are those that boto3 finds (`AWS_REGION`, `AWS_PROFILE`,
    `AWS_ENDPOINT_URL_SECRETS_MANAGER`, ...).
    """

    def __init__(self, prefix: str = "gateway/keys/", *, endpoint: str | None = None) -> None:
        """Make a client.

        Args:
            prefix: What the names of the secrets begin with.
            endpoint: Where the service is, when not where boto3 finds it.

        Raises:
            DeliveryError: No region is known, or the endpoint is no URL.
        """
        import boto3
        from botocore.config import Config

        from gateway_lib.settings import settings

        self._prefix = prefix or "gateway/keys/"
        with _told("Secrets Manager"):
            self._client: Any = boto3.client(
                "secretsmanager",
                endpoint_url=endpoint,
                region_name=settings().aws_region,
                config=Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30),
            )

    @property
    def place(self) -> str:
        return f"AWS Secrets Manager, {self._prefix}..."

    def check(self) -> None:
        self._describe(self._name("check"))

    def deliver(self, key: IssuedKey) -> None:
        name, text = self._name(key.alias), json.dumps(key.document())
        about = self._describe(name)
        with _told(name):
            if about is None:
                self._client.create_secret(
                    Name=name,
                    Description=f"Gateway key of {key.user_id}",
                    SecretString=text,
                    Tags=[{"Key": "managed_by", "Value": "roster"}],
                )
            else:
                if about.get("DeletedDate"):
                    self._client.restore_secret(SecretId=name)
                self._client.put_secret_value(SecretId=name, SecretString=text)

    def withdraw(self, alias: str, token: str) -> None:
        if self.find(alias, token) is not None:
            name = self._name(alias)
            with _told(name):
                self._client.delete_secret(SecretId=name, RecoveryWindowInDays=7)

    def find(self, alias: str, token: str) -> str | None:
        name = self._name(alias)
        about = self._describe(name)
        if about is None or about.get("DeletedDate"):
            return None
        with _told(name):
            text = self._client.get_secret_value(SecretId=name)["SecretString"]
        try:
            value = str(json.loads(text)["api_key"])
        except (ValueError, KeyError, TypeError):
            return None
        return value if token_of(value) == token else None

    def _name(self, alias: str) -> str:
        """The alias, with `=` and hex digits for what AWS does not take in a name."""
        taken = re.sub(
            r"[^A-Za-z0-9/_+.@-]", lambda c: "".join(f"={b:02x}" for b in c[0].encode()), alias
        )
        return self._prefix + taken

    def _describe(self, name: str) -> dict[str, Any] | None:
        with _told(name):
            try:
                return dict(self._client.describe_secret(SecretId=name))
            except self._client.exceptions.ResourceNotFoundException:
                return None


@contextmanager
def _told(name: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        raise DeliveryError(f"{name}: AWS Secrets Manager: {error}") from None
