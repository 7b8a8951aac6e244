"""Handing issued keys over: into a file that only its owner can read, or whatever has the same methods.

A key's value exists twice: in the gateway's answer and where it is delivered to. It is shown nowhere.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from gateway_lib.errors import DeliveryError
from gateway_lib.provisioning.issued import IssuedKey, token_of
from gateway_lib.provisioning.secrets_manager import SecretsManager
from gateway_lib.settings import PROJECT_ROOT

_FORMAT = 1
_PRIVATE = 0o600


class Delivery(Protocol):
    """Where keys go. Every method raises `DeliveryError` when it cannot do its part."""

    @property
    def place(self) -> str:
        """Where that is, for people."""

    def check(self) -> None:
        """Whether a key could be delivered now; asked before the first one is issued."""

    def deliver(self, key: IssuedKey) -> None:
        """Keep a key, in place of one of the same alias; durable when this returns."""

    def withdraw(self, alias: str, token: str) -> None:
        """Forget a key that the gateway no longer has."""

    def find(self, alias: str, token: str) -> str | None:
        """The value of a delivered key by the gateway's hash of it; None where it is not here."""


class KeyFile:
    """Keys in one JSON file with mode 0600, replaced as a whole and synchronised to the disk."""

    def __init__(self, path: Path) -> None:
        """Take `path` for the keys; it is made with the first one."""
        self._path = path.absolute()

    @property
    def place(self) -> str:
        return str(self._path)

    def check(self) -> None:
        self._read()
        with _told(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if self._path.exists() and stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                with _told(self._path):
                    self._path.chmod(_PRIVATE)

    def deliver(self, key: IssuedKey) -> None:
        new = key.document()
        self._change(lambda keys: [k for k in keys if not _same(k, key.alias, key.gateway)] + [new])

    def withdraw(self, alias: str, token: str) -> None:
        if self._path.exists():
            self._change(lambda keys: [k for k in keys if token_of(k["api_key"]) != token])

    def find(self, alias: str, token: str) -> str | None:
        values = (str(key["api_key"]) for key in self._read())
        return next((value for value in values if token_of(value) == token), None)

    def _change(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        with self._locked():
            before = self._read()
            after = change(before)
            if after != before:
                self._write({"format": _FORMAT, "keys": after})

    def _read(self) -> list[dict[str, Any]]:
        with _told(self._path):
            if not self._path.exists():
                return []
            text = self._path.read_text(encoding="utf-8")
        with suppress(ValueError, KeyError, TypeError):
            document = json.loads(text)
            keys = document["keys"]
            if document["format"] == _FORMAT and all(isinstance(k["api_key"], str) for k in keys):
                return list(keys)
        raise DeliveryError(f"{self._path}: it is no file of keys, so nothing is written to it")

    def _write(self, document: dict[str, Any]) -> None:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        target = self._path.resolve()
        beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        with _told(self._path):
            try:
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(target)
            finally:
                beside.unlink(missing_ok=True)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two processes that add keys at the same time do not lose one."""
        with _told(self._path):
            lock = self._path.with_name(f".{self._path.name}.lock")
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _same(entry: dict[str, Any], alias: str, gateway: str) -> bool:
    return (entry.get("alias"), entry.get("base_url")) == (alias, gateway)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DeliveryError(f"{path}: keys cannot be delivered there: {reason}") from None


def default_key_file(environment: Mapping[str, str] | None = None) -> Path:
    """Beside the local stack when the environment is one's, else in the project's root.

    Args:
        environment: That of the process when not given.
    """
    state = (os.environ if environment is None else environment).get("GATEWAY_STATE_DIR")
    return Path(state) / "keys.json" if state else PROJECT_ROOT / "gateway-keys.json"


def delivery_to(where: str | None, base: Path = PROJECT_ROOT) -> Delivery:
    """The delivery that a text names: `aws:PREFIX` is AWS Secrets Manager, all else a file.

    Args:
        where: Nothing is `default_key_file`.
        base: What a relative path counts from.

    Raises:
        DeliveryError: AWS is named, and no client of it can be made.
    """
    if where and where.startswith("aws:"):
        return SecretsManager(where.removeprefix("aws:"))
    path = Path(where) if where else default_key_file()
    return KeyFile(base / path.expanduser())
