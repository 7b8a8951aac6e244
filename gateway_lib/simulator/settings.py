"""The simulator's configuration file.

One YAML file holds the seed, the models with their profiles, guardrails, prompts and the issuer's
defaults. It is validated as a whole at start; a mistake ends with the place and the reason.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from gateway_lib.simulator.guardrails import Guardrail
from gateway_lib.simulator.profiles import Profile, Strict
from gateway_lib.simulator.prompts import Prompt

DEFAULT_CONFIG = Path(__file__).parents[2] / "config" / "simulator.yaml"


class OidcSettings(Strict):
    """Defaults of minted tokens; an empty issuer means the URL the request came to."""

    issuer: str = ""
    audience: str = "api://default"
    client_id: str = "workbench"
    lifetime_s: int = Field(default=3600, gt=0)


class Settings(Strict):
    """The whole file."""

    seed: int
    api_keys: tuple[str, ...] = ()
    aws_credentials: dict[str, str] = Field(default_factory=dict)
    journal_capacity: int = Field(default=5000, gt=0)
    questions: tuple[str, ...] = ()
    oidc: OidcSettings = OidcSettings()
    models: dict[str, Profile]
    guardrails: tuple[Guardrail, ...] = ()
    prompts: tuple[Prompt, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> "Settings":
        for what, ids in (
            ("guardrail", [f"{g.id}:{g.version}" for g in self.guardrails]),
            ("prompt", [f"{p.id}:{p.region}" for p in self.prompts]),
        ):
            if len(ids) != len(set(ids)):
                raise ValueError(f"a {what} id occurs twice")
        return self


def load_settings(path: Path, more_models: Path | None = None) -> Settings:
    """Read and validate a configuration file.

    Args:
        path: The file.
        more_models: A file with profiles by model id, for models that the first one does not have.

    Raises:
        ValueError: With one line per mistake, each naming its place.
    """
    raw = _yaml(path)
    if more_models is not None and isinstance(raw, dict):
        raw = {**raw, "models": {**(_yaml(more_models) or {}), **(raw.get("models") or {})}}
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(f"{path}: {line}" for line in lines)) from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
