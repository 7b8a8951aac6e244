"""Asking a container registry for the digest of a tag.

The registry's HTTP API v2: `HEAD /v2/<name>/manifests/<tag>` answers with `Docker-Content-Digest`, after an
anonymous token was fetched where the registry wants one.
https://distribution.github.io/distribution/spec/api/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import httpx

from gateway_lib.deploy.tree.images import DIGEST
from gateway_lib.errors import DeployError

_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
_SECONDS = 15.0


class RegistryError(DeployError):
    """The registry does not tell; the text says why."""


@dataclass(frozen=True)
class Repository:
    """A repository of a registry."""

    host: str
    name: str

    @classmethod
    def of(cls, image: str) -> Repository:
        """The repository of an image's name as Docker reads it: Docker Hub where no host is named."""
        first, slash, rest = image.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, name = first, rest
        else:
            host, name = "docker.io", image
        if host in ("docker.io", "index.docker.io"):
            return cls("registry-1.docker.io", name if "/" in name else f"library/{name}")
        return cls(host, name)

    @property
    def url(self) -> str:
        """Plain http for a registry on this machine, as Docker does, https for every other."""
        scheme = "http" if _LOCAL.fullmatch(self.host) else "https"
        return f"{scheme}://{self.host}/v2/{self.name}"

    def digest(self, tag: str) -> str:
        """The digest that the tag stands for now, of all platforms together.

        Raises:
            RegistryError: There is no such tag, or the registry cannot be asked.
        """
        url, headers = f"{self.url}/manifests/{tag}", {"Accept": _ACCEPT}
        with httpx.Client(timeout=_SECONDS, follow_redirects=True) as http:
            try:
                answer = http.head(url, headers=headers)
                if answer.status_code == 401:
                    token = self._token(http, answer.headers.get("www-authenticate", ""))
                    headers["Authorization"] = f"Bearer {token}"
                    answer = http.head(url, headers=headers)
                if answer.is_success and "docker-content-digest" not in answer.headers:
                    answer = http.get(url, headers=headers)
            except httpx.HTTPError as error:
                raise RegistryError(f"{self.host}: {error or type(error).__name__}") from None
        if answer.status_code == 404:
            raise RegistryError(f"{self.host} has no {self.name}:{tag}")
        if answer.is_error:
            raise RegistryError(f"{self.host}: HTTP {answer.status_code} for {self.name}:{tag}")
        told = answer.headers.get("docker-content-digest")
        found = told or f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if not DIGEST.fullmatch(found):
            raise RegistryError(f"{self.host}: {found!r} is no sha256 digest")
        return str(found)

    def _token(self, http: httpx.Client, challenge: str) -> str:
        """An anonymous token for pulling, from where the registry says."""
        known = dict(_CHALLENGE.findall(challenge))
        realm = known.pop("realm", "")
        local = _LOCAL.fullmatch(self.host) is not None
        if not challenge.lower().startswith("bearer ") or not realm.startswith(
            ("https://", "http://") if local else "https://"
        ):
            raise RegistryError(f"{self.host}: it wants a login, and only public images are read")
        wanted = {name: known[name] for name in ("service", "scope") if name in known}
        answer = http.get(realm, params=wanted)
        if answer.is_error:
            raise RegistryError(f"{self.host}: HTTP {answer.status_code} instead of a token")
        body = answer.json()
        return str(body.get("token") or body.get("access_token") or "")
