"""An OpenID Connect issuer that also makes bad tokens.

Discovery document, JWKS with two RS256 keys, and minting: what an identity layer must accept, and
on request each kind of token it must refuse. Tokens are put together by hand, because a library
that made the bad ones would be a bad library.
"""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jose import jwk
from pydantic import Field

from gateway_lib.simulator.conversation import Json
from gateway_lib.simulator.profiles import Strict
from gateway_lib.simulator.settings import OidcSettings

Fault = Literal[
    "expired",
    "not_yet_valid",
    "wrong_issuer",
    "wrong_audience",
    "unknown_kid",
    "alg_none",
    "hs256_with_public_key",
    "no_exp",
    "id_token",
    "tampered",
    "crit",
]


class MintRequest(Strict):
    """What to mint. `claims` override the defaults; a null claim is left out.

    `header` is added to the token's header. `payload` is JSON to sign as it is, in the place of all
    claims: what no JSON library would write.
    """

    claims: dict[str, Any] = Field(default_factory=dict)
    header: dict[str, Any] = Field(default_factory=dict)
    payload: str | None = None
    fault: Fault | None = None
    expires_in: int | None = Field(default=None, gt=0)


class SigningKey:
    """An RSA key with its id."""

    def __init__(self) -> None:
        self.kid = secrets.token_hex(6)
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_pem(self) -> bytes:
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def public_jwk(self) -> Json:
        key: Json = jwk.construct(self.public_pem.decode(), "RS256").to_dict()
        return key | {"kid": self.kid, "use": "sig"}


class Issuer:
    """Two keys, the first of which signs."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._keys = [SigningKey(), SigningKey()]

    def url(self, base_url: str) -> str:
        """The issuer: as configured, else below the URL the request came to."""
        return self._settings.issuer or f"{base_url.rstrip('/')}/oidc"

    def rotate(self) -> list[str]:
        """Drop the signing key, let the second sign, add a new second; return the key ids."""
        self._keys = [*self._keys[1:], SigningKey()]
        return [key.kid for key in self._keys]

    def discovery(self, issuer: str) -> Json:
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/keys",
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def jwks(self) -> Json:
        return {"keys": [key.public_jwk() for key in self._keys]}

    def mint(self, issuer: str, request: MintRequest) -> Json:
        """Return ``access_token``, ``token_type`` and ``expires_in``."""
        now = int(time.time())
        lifetime = request.expires_in or self._settings.lifetime_s
        claims: Json = {
            "iss": issuer,
            "aud": self._settings.audience,
            "sub": "user@example.com",
            "cid": self._settings.client_id,
            "uid": "00u1example",
            "scp": ["openid", "profile", "email"],
            "ver": 1,
            "jti": f"AT.{secrets.token_urlsafe(16)}",
            "iat": now,
            "exp": now + lifetime,
        }
        token = self._token(request, claims, now)
        return {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}

    def _token(self, request: MintRequest, claims: Json, now: int) -> str:
        fault = request.fault
        key = self._keys[0]
        header: Json = {"alg": "RS256", "kid": key.kid}
        change: Json = {}
        match fault:
            case "expired":
                change = {"iat": now - 7200, "exp": now - 3600}
            case "not_yet_valid":
                change = {"nbf": now + 3600, "exp": now + 7200}
            case "wrong_issuer":
                change = {"iss": "https://issuer.invalid/oidc"}
            case "wrong_audience":
                change = {"aud": "api://another"}
            case "no_exp":
                change = {"exp": None}
            case "id_token":
                change = {"aud": self._settings.client_id, "scp": None, "cid": None}
                change |= {"nonce": secrets.token_hex(8), "amr": ["pwd"]}
            case "unknown_kid":
                header["kid"], key = "unknown", SigningKey()
            case "crit":
                header |= {"crit": ["b64"], "b64": False}
            case "alg_none":
                header = {"alg": "none"}
            case "hs256_with_public_key":
                header["alg"] = "HS256"
        payload = {k: v for k, v in (claims | request.claims | change).items() if v is not None}
        raw = orjson.dumps(payload) if request.payload is None else request.payload.encode()
        message = f"{_part(header | request.header)}.{_encoded(raw)}"
        if fault == "alg_none":
            return f"{message}."
        if fault == "hs256_with_public_key":
            mac = hmac.digest(key.public_pem, message.encode(), hashlib.sha256)
            return f"{message}.{_encoded(mac)}"
        signature = _encoded(key.sign(message.encode()))
        if fault == "tampered":
            message = f"{_part(header)}.{_part(payload | {'sub': 'admin@example.com'})}"
        return f"{message}.{signature}"


def _part(value: Json) -> str:
    return _encoded(orjson.dumps(value))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
