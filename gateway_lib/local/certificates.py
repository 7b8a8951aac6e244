"""A certificate authority of the stack's own, since botocore sends a bearer token over https only.

Nothing is added to any system's trust store: clients are pointed at a bundle of the public authorities
and ours through `SSL_CERT_FILE`, `AWS_CA_BUNDLE` and `NODE_EXTRA_CA_CERTS`.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway_lib.local.state import State

_NAMES = ("localhost", "127.0.0.1", "::1")
_LIFETIME = datetime.timedelta(days=365)
_RENEW_BEFORE = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form: our authority, the public ones plus ours, the server's chain and its key."""

    authority: Path
    bundle: Path
    chain: Path
    key: Path


def ensure(state: State) -> Certificates:
    """The stack's certificates, made where they are missing or end within a month."""
    folder = state.path / "tls"
    files = Certificates(
        folder / "authority.pem", folder / "bundle.pem", folder / "chain.pem", folder / "key.pem"
    )
    if not _is_current(files):
        ends = datetime.datetime.now(datetime.UTC) + _LIFETIME
        authority = trustme.CA(organization_name="gateway workbench, local stack")
        server = authority.issue_cert(*_NAMES, not_after=ends)
        own = authority.cert_pem.bytes()
        chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
        state.write("tls/key.pem", _pkcs8(server.private_key_pem.bytes()))
        state.write("tls/bundle.pem", Path(certifi.where()).read_bytes() + b"\n" + own)
        state.write("tls/authority.pem", own)
        state.write("tls/chain.pem", chain)
    return files


def _is_current(files: Certificates) -> bool:
    if not all(path.exists() for path in (files.authority, files.bundle, files.chain, files.key)):
        return False
    server = x509.load_pem_x509_certificate(files.chain.read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    return server.not_valid_after_utc - now > _RENEW_BEFORE


def _pkcs8(key: bytes) -> bytes:
    """The same key in the only form that the https server reads."""
    return serialization.load_pem_private_key(key, password=None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
