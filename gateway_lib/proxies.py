"""The way past a proxy to this machine's own ports.

A corporate environment names a proxy in `http_proxy` and its kin, and most HTTP clients then send everything
to it, requests to 127.0.0.1 too, unless `no_proxy` names the host. 169.254.169.254 is where AWS's SDKs ask
for a machine's credentials, and where a proxy that fails makes them fail.
"""

from __future__ import annotations

from collections.abc import Mapping

_NEAR = ("localhost", "127.0.0.1", "169.254.169.254")


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """`no_proxy` in both spellings, since clients differ: what the environment has, and what is near."""
    given = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY")).split(",")
    hosts = dict.fromkeys([*(host.strip() for host in given if host.strip()), *_NEAR])
    value = "*" if "*" in hosts else ",".join(hosts)
    return {"no_proxy": value, "NO_PROXY": value}
