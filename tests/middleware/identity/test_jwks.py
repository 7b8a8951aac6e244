"""The issuer's keys: which are taken, and where they are looked for."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway_lib.simulator.issuer import SigningKey
from middleware.identity.form import TokenRefused
from middleware.identity.jwks import IssuerUnavailable, KeySet
from middleware.identity.tokens import Tokens
from tests.middleware.conftest import served

EC = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
RSA = SigningKey()


def ec_key(**more: Any) -> dict[str, Any]:
    public = jwk.construct(EC, "ES256").public_key().to_dict()
    return {**{name: public[name] for name in ("kty", "crv", "x", "y")}, "kid": "ec", **more}


@asynccontextmanager
async def issuer(documents: dict[str, Any]):
    """An issuer with these documents, its own address in the place of `$`; yields its keys and address."""

    async def document(request):
        found = documents.get(request.url.path)
        base = str(request.base_url).rstrip("/")
        if isinstance(found, str):
            return RedirectResponse(found) if found.startswith("/") else Response(found)
        if found is None:
            return Response(status_code=404)
        text = {k: v.replace("$", base) if isinstance(v, str) else v for k, v in found.items()}
        return JSONResponse(text)

    app = Starlette(routes=[Route("/{path:path}", document)])
    async with served(app) as url, aiohttp.ClientSession() as session:
        keys = KeySet(f"{url}/oauth2/default", session)
        yield keys, f"{url}/oauth2/default"
        await keys.close()


DISCOVERY = "/oauth2/default/.well-known/openid-configuration"
METADATA = "/oauth2/default/.well-known/oauth-authorization-server"
GOOD = {"issuer": "$/oauth2/default", "jwks_uri": "$/jwks"}


@pytest.mark.parametrize(
    "documents",
    [
        {DISCOVERY: GOOD, "/jwks": {"keys": [ec_key()]}},
        {METADATA: GOOD, "/jwks": {"keys": [ec_key()]}},
        {"/oauth2/default/v1/keys": {"keys": [ec_key()]}},
        {DISCOVERY: "no JSON", "/oauth2/default/v1/keys": {"keys": [ec_key()]}},
        {
            DISCOVERY: {**GOOD, "issuer": "https://evil.invalid"},
            "/jwks": {"keys": []},
            "/oauth2/default/v1/keys": {"keys": [ec_key()]},
        },
        {
            DISCOVERY: {**GOOD, "jwks_uri": "file:///etc/passwd"},
            "/oauth2/default/v1/keys": {"keys": [ec_key()]},
        },
    ],
    ids=["discovery", "RFC 8414", "Okta's place", "no JSON", "another issuer", "no http"],
)
async def test_keys_are_found(documents):
    async with issuer(documents) as (keys, _):
        assert await keys.find("ec", "ES256") is not None


@pytest.mark.parametrize(
    "documents",
    [
        {},
        {DISCOVERY: GOOD, "/jwks": "[]"},
        {DISCOVERY: GOOD, "/jwks": {"keys": "x"}},
        {DISCOVERY: GOOD, "/jwks": "/oauth2/default/elsewhere"},
        {DISCOVERY: GOOD, "/jwks": "x" * 2**19},
        {DISCOVERY: GOOD, "/jwks": {"keys": []}},
    ],
)
async def test_without_keys_nothing_can_be_said(documents):
    async with issuer(documents) as (keys, _):
        with pytest.raises(IssuerUnavailable):
            await keys.find("ec", "ES256")


async def test_only_public_keys_for_signatures_count():
    weak = {"kty": "RSA", "n": "wLqBQw", "e": "AQAB", "kid": "weak"}
    listed = [
        "x",
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        weak,
        ec_key(kid="enc", use="enc"),
        ec_key(kid="private", d="AQ"),
        ec_key(kid="other-alg", alg="ES512"),
        ec_key(kid="hmac", alg="HS256"),
        ec_key(kid="broken", x="!"),
        ec_key(kid=7),
        {**RSA.public_jwk(), "kid": "rsa"},
        ec_key(),
    ]
    async with issuer({DISCOVERY: GOOD, "/jwks": {"keys": listed}}) as (keys, _):
        assert await keys.find("ec", "ES256") and await keys.find("rsa", "RS256")
        for kid in ("shared", "weak", "enc", "private", "other-alg", "hmac", "broken", "7"):
            for algorithm in ("RS256", "ES256", "ES512", "HS256"):
                assert await keys.find(kid, algorithm) is None, kid
        assert await keys.find("ec", "RS256") is None


async def test_tokens_with_elliptic_curves():
    async with issuer({DISCOVERY: GOOD, "/jwks": {"keys": [ec_key()]}}) as (keys, address):
        tokens = Tokens(address, "api://default", keys)
        now = int(time.time())
        claims = {
            "iss": address,
            "aud": "api://default",
            "sub": "ada",
            "cid": "c",
            "scp": ["s"],
            "iat": now,
            "exp": now + 60,
        }
        token = jwt.encode(claims, EC, algorithm="ES256", headers={"kid": "ec"})
        assert (await tokens.verify(token.encode())).subject == "ada"
        header, payload, signature = token.split(".")
        for bad in ("A" * 86, "A" * 10, signature[::-1]):
            with pytest.raises(TokenRefused):
                await tokens.verify(f"{header}.{payload}.{bad}".encode())
