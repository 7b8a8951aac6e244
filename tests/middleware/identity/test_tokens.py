"""Which tokens are refused: all but access tokens of the issuer for this gateway, as it made them."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any, get_args

import pytest
from jose import jwe, jwt

from gateway_lib.simulator.issuer import Fault
from middleware.identity.tokens import _REQUIRED

from .conftest import Shared

NOW = int(time.time())
LATER = NOW + 86_400  # later than any run of the tests ends


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refused(shared, token: str, status: int = 401) -> None:
    gateway, litellm = shared.gateway, shared.litellm
    for answer in (
        await gateway.post("/user/new", token),
        await gateway.chat(token),
        await gateway.http.get("/sessions", headers={"authorization": f"Bearer {token}"}),
    ):
        assert answer.status_code == status, answer.text
        assert token not in answer.text
    assert litellm.told == [] and litellm.asked == []


async def test_the_issuers_access_token_is_accepted(gateway, issuer):
    assert (await gateway.post("/user/new", await issuer.mint())).status_code == 200


@pytest.mark.parametrize("fault", get_args(Fault))
async def test_the_issuers_bad_tokens(shared, fault):
    await refused(shared, await shared.issuer.mint(fault=fault))


CLAIMS = {
    "no iat": {"iat": None},
    "issued in the future": {"iat": LATER},
    "iat is text": {"iat": str(NOW)},
    "exp is text": {"exp": str(LATER)},
    "exp is true": {"exp": True},
    "exp is negative": {"exp": -1},
    "exp is absurd": {"exp": 10**18},
    "exp is a list": {"exp": [LATER]},
    "nbf is an object": {"nbf": {}},
    "no sub": {"sub": None},
    "sub is blank": {"sub": ""},
    "sub is a space": {"sub": " "},
    "sub ends in a space": {"sub": "ada@example.com "},
    "sub has a line break": {"sub": "ada@example.com\n"},
    "sub has a null": {"sub": "ada@example.com\x00"},
    "sub is overlong": {"sub": "a" * 300 + "@example.com"},
    "sub is a number": {"sub": 7},
    "sub is a list": {"sub": ["ada@example.com"]},
    "no aud": {"aud": None},
    "aud is another's": {"aud": ["api://another"]},
    "aud begins alike": {"aud": "api://default-not"},
    "aud is an empty list": {"aud": []},
    "aud is an object": {"aud": {"api://default": True}},
    "aud has a number": {"aud": ["api://default", 7]},
    "aud has a list": {"aud": [["api://default"]]},
    "no iss": {"iss": None},
    "iss is a list": {"iss": ["x"]},
    "no client": {"cid": None},
    "no scope": {"scp": None},
    "nonce of an ID token": {"nonce": "n"},
    "at_hash of an ID token": {"at_hash": "h"},
    "c_hash of an ID token": {"c_hash": "h"},
    "says it is an ID token": {"typ": "ID"},
    "says it is to renew": {"typ": "Refresh"},
    "use is id": {"token_use": "id"},
    "jti is a number": {"jti": 7},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
async def test_claims_that_are_wrong(shared, claims):
    sub = claims.get("sub", "ada@example.com")
    await refused(shared, await shared.issuer.mint(sub, claims=claims))


HEADERS = {
    "crit": {"crit": []},
    "jku": {"jku": "https://evil.invalid/keys"},
    "jwk": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    "x5u": {"x5u": "https://evil.invalid/cert"},
    "x5c": {"x5c": ["MIIB"]},
    "zip": {"zip": "DEF"},
    "nested": {"cty": "JWT"},
    "b64": {"b64": True},
    "alg in lower case": {"alg": "rs256"},
    "alg mixed": {"alg": "Rs256"},
    "alg of another key": {"alg": "ES256"},
    "alg RS512, signed by RS256": {"alg": "RS512"},
    "alg PS256": {"alg": "PS256"},
    "alg None": {"alg": "None"},
    "alg NONE": {"alg": "NONE"},
    "alg nOnE": {"alg": "nOnE"},
    "alg HS384": {"alg": "HS384"},
    "alg is a list": {"alg": ["RS256"]},
    "alg is null": {"alg": None},
    "alg is dir": {"alg": "dir"},
    "kid is null": {"kid": None},
    "kid is blank": {"kid": ""},
    "kid is a path": {"kid": "../../../../dev/null"},
    "kid is SQL": {"kid": "x' UNION SELECT 'key"},
    "kid is an object": {"kid": {}},
    "typ of a log-out": {"typ": "logout+jwt"},
    "typ of a proof": {"typ": "dpop+jwt"},
    "typ is a number": {"typ": 7},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_headers_that_are_wrong(shared, header):
    await refused(shared, await shared.issuer.mint(header=header))


def good(issuer) -> dict[str, Any]:
    return {
        "iss": issuer.issuer,
        "aud": "api://default",
        "sub": "ada@example.com",
        "cid": "c",
        "scp": ["s"],
        "iat": NOW,
        "exp": LATER,
    }


async def test_claims_that_are_there_twice(shared):
    once = json.dumps(good(shared.issuer))[:-1]
    await refused(shared, await shared.issuer.mint(payload=once + ', "sub": "eve@example.com"}'))
    await refused(shared, await shared.issuer.mint(payload=once + ', "aud": "api://default"}'))
    nested = once + ', "realm": {"a": 1, "a": 2}}'
    await refused(shared, await shared.issuer.mint(payload=nested))


@pytest.mark.parametrize(
    "payload",
    [
        "[]",
        '"text"',
        "null",
        "",
        "{",
        '{"exp": NaN}',
        '{"exp": Infinity}',
        "[" * 2000,
        '{"a":' * 900,
    ],
)
async def test_payloads_that_are_no_claims(shared, payload):
    await refused(shared, await shared.issuer.mint(payload=payload))


async def test_parts_that_are_not_the_issuers(shared):
    header, payload, signature = (await shared.issuer.mint()).split(".")
    other = (await shared.issuer.mint()).split(".")[2]
    eve = part({**good(shared.issuer), "sub": "eve@example.com"})
    for token in (
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}..{signature}",
        f"{header}.{payload}.{other}",
        f"{header}.{eve}.{signature}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}.{payload}.{signature}.x.y",
        f"{header}.{payload}.{signature[:-8]}",
        f"{header}.{payload}.{signature}==",
        f"{header}.{payload}.{signature}%0A",
        f"{header}.{payload[:-1]}!.{signature}",
        f"{part(header.encode())}.{payload}.{signature}",
        "ey.ey.ey",
        "eyJ" + "." * 500,
    ):
        await refused(shared, token)


async def test_signed_with_a_secret_that_everybody_knows(shared):
    header = jwt.get_unverified_header(await shared.issuer.mint())
    for secret in (header["kid"], "secret", "", "null"):
        for algorithm in ("HS256", "HS512"):
            token = jwt.encode(
                good(shared.issuer), secret, algorithm=algorithm, headers={"kid": header["kid"]}
            )
            await refused(shared, token)


async def test_encrypted_and_nested_tokens(shared):
    inner = await shared.issuer.mint()
    encrypted = jwe.encrypt(
        inner, b"k" * 16, algorithm="dir", encryption="A128GCM", cty="JWT"
    ).decode()
    await refused(shared, encrypted)
    await refused(shared, await shared.issuer.mint(payload=json.dumps({"jwt": inner})))
    await refused(shared, await shared.issuer.mint(payload=inner))


async def test_oversized_tokens_are_not_even_read(gateway, litellm, issuer):
    token = await issuer.mint(claims={"padding": "x" * 9000})
    await refused(Shared(gateway, litellm, issuer), token)
    assert issuer.key_fetches() == 0


async def test_tokens_of_other_issuers_forms_are_accepted(gateway, issuer):
    for request in (
        {"claims": {"cid": None, "scp": None, "azp": "web", "scope": "read write"}},
        {"claims": {"cid": None, "scp": None, "client_id": "web"}, "header": {"typ": "at+jwt"}},
        {"header": {"typ": "application/AT+JWT"}},
        {"claims": {"aud": ["api://another", "api://default"]}},
        {"claims": {"typ": "Bearer", "nbf": NOW - 5}},
        {"claims": {"exp": LATER + 0.5}},
        {"claims": {"iat": int(time.time()) + 20}},
    ):
        answer = await gateway.chat(await issuer.mint(**request))
        assert answer.status_code == 200, request


async def test_the_audience_is_a_setting(start, issuer, litellm):
    gateway = await start(okta_audience="api://mine")
    await refused(Shared(gateway, litellm, issuer), await issuer.mint())
    assert (await gateway.chat(await issuer.mint(claims={"aud": "api://mine"}))).status_code == 200


async def test_a_flood_of_unknown_keys_fetches_once(gateway, litellm, issuer):
    tokens = [await issuer.mint(header={"kid": f"unknown-{n}"}) for n in range(60)]
    answers = await asyncio.gather(*(gateway.chat(token) for token in tokens))
    assert {answer.status_code for answer in answers} == {401}
    assert issuer.key_fetches() == 1
    assert (await gateway.chat(await issuer.mint())).status_code == 200
    assert issuer.key_fetches() == 1


async def test_many_good_tokens_fetch_once(gateway, issuer):
    tokens = [await issuer.mint(f"p{n}@example.com") for n in range(20)]
    answers = await asyncio.gather(*(gateway.chat(token) for token in tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert issuer.key_fetches() == 1


async def test_a_new_key_of_the_issuer_is_found_and_an_old_one_forgotten(
    gateway, issuer, monkeypatch
):
    monkeypatch.setattr("middleware.identity.jwks.AGAIN_SECONDS", 0.0)
    before = await issuer.mint()
    assert (await gateway.chat(before)).status_code == 200
    await issuer.rotate()
    await issuer.rotate()
    assert (await gateway.chat(await issuer.mint())).status_code == 200
    assert (await gateway.chat(before)).status_code == 401, "its key is gone"


async def test_without_the_issuer_tokens_cannot_be_checked(gateway, issuer, monkeypatch):
    monkeypatch.setattr("middleware.identity.jwks.AGAIN_SECONDS", 0.0)
    issuer.down = True
    token = await issuer.mint()
    answer = await gateway.chat(token)
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "issuer_unavailable"
    issuer.down = False
    assert (await gateway.chat(token)).status_code == 200
    issuer.down = True
    assert (await gateway.chat(await issuer.mint())).status_code == 200, "its keys are known"


async def test_a_token_ends_when_it_expires_though_it_is_known(gateway, issuer, monkeypatch):
    monkeypatch.setitem(_REQUIRED, "leeway", 0)
    token = await issuer.mint(expires_in=2)
    assert (await gateway.chat(token)).status_code == 200
    await asyncio.sleep(3.1)
    assert (await gateway.chat(token)).status_code == 401


async def test_without_an_issuer_no_token_is_accepted(start, issuer, litellm):
    gateway = await start(okta_issuer="")
    answer = await gateway.post("/user/new", await issuer.mint())
    assert answer.status_code == 401 and litellm.told == []
