"""The OpenID Connect issuer: good tokens verify, bad ones do not."""

from typing import get_args

import httpx
import pytest
from jose import jwt
from jose.exceptions import JWTError

from gateway_lib.simulator.issuer import Fault


def mint(base, **request):
    reply = httpx.post(f"{base}/oidc/mint", json=request, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()["access_token"]


def verify(base, token):
    """What a careful service does; raises JWTError otherwise."""
    discovery = httpx.get(f"{base}/oidc/.well-known/openid-configuration", timeout=60).json()
    keys = {key["kid"]: key for key in httpx.get(discovery["jwks_uri"], timeout=60).json()["keys"]}
    header = jwt.get_unverified_header(token)
    if header.get("kid") not in keys:
        raise JWTError("unknown kid")
    if "crit" in header:
        raise JWTError("unknown critical header")
    claims = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["RS256"],
        audience="api://default",
        issuer=discovery["issuer"],
        options={"require_exp": True},
    )
    if "scp" not in claims:
        raise JWTError("not an access token")
    return claims


def test_good_token(base):
    claims = verify(
        base, mint(base, claims={"sub": "ada@example.com", "groups": ["ml"], "uid": None})
    )
    assert claims["sub"] == "ada@example.com" and claims["groups"] == ["ml"]
    assert "uid" not in claims
    assert claims["iss"] == f"{base}/oidc"
    assert claims["exp"] - claims["iat"] == 3600


def test_every_token_differs(base):
    assert mint(base) != mint(base)


@pytest.mark.parametrize("fault", get_args(Fault))
def test_bad_tokens_are_bad(base, fault):
    with pytest.raises(JWTError):
        verify(base, mint(base, fault=fault))


def test_rotation_keeps_one_key(base):
    old = mint(base)
    before = [key["kid"] for key in httpx.get(f"{base}/oidc/keys", timeout=60).json()["keys"]]
    kids = httpx.post(f"{base}/control/oidc/rotate", timeout=60).json()["kids"]
    assert len(before) == 2 and kids[0] == before[1] and kids[1] not in before
    with pytest.raises(JWTError):
        verify(base, old)
    assert verify(base, mint(base))["ver"] == 1


def test_wrong_requests_are_named(base):
    reply = httpx.post(f"{base}/oidc/mint", json={"fault": "none"}, timeout=60)
    assert reply.status_code == 422 and "fault" in reply.json()["error"]
