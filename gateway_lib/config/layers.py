"""Which files a configuration is made of: the default, and the user's own.

The user's `config/config.yaml` is not tracked and never edited by anything. Without it the default is used.
It stands for the whole configuration, like a copy of the default that was edited, unless it begins with
`extends: default-config.yaml`; then it says only what is different.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway_lib.config.merging import merged
from gateway_lib.errors import ConfigurationError

CONFIG_DIR = Path(__file__).resolve().parents[2] / "config"
DEFAULT = CONFIG_DIR / "default-config.yaml"
OWN = CONFIG_DIR / "config.yaml"


def chosen(path: Path | None = None) -> Path:
    """The configuration file that counts: the one given, else the user's, else the default."""
    if path is not None:
        return path
    return OWN if OWN.exists() else DEFAULT


def whole(path: Path) -> dict[str, Any]:
    """A configuration file with what it extends.

    Raises:
        ConfigurationError: a file cannot be read, or files extend each other in a circle.
    """
    content: dict[str, Any] = {}
    for layer in reversed(chain(path)):
        content = merged(content, {k: v for k, v in read(layer).items() if k != "extends"})
    return content


def chain(path: Path) -> list[Path]:
    """A file and the files it extends, the outermost first.

    Raises:
        ConfigurationError: a file cannot be read, or they extend each other in a circle.
    """
    files: list[Path] = []
    following: Path | None = path
    while following is not None:
        if following.resolve() in [file.resolve() for file in files]:
            raise ConfigurationError(f"{following}: extends itself")
        files.append(following)
        parent = read(following).get("extends")
        following = following.parent / str(parent) if parent else None
    return files


def read(path: Path) -> dict[str, Any]:
    """A configuration file as a mapping. Raises `ConfigurationError`."""
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: a mapping is needed at the top")
    return content
