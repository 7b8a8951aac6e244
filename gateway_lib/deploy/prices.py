"""Prices and assumptions of the cost estimate: those of the workbench, and the user's laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway_lib.errors import DeployError

BUILT_IN = Path(__file__).with_name("prices.yaml")
OWN = Path("config") / "prices.yaml"
"""Where the user's go, from the checkout's root."""

Amount = Annotated[float, Field(ge=0)]


class Price(BaseModel):
    """What one unit costs, and where AWS says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    usd: Amount
    page: str = ""


class Usage(BaseModel):
    """What a month of an environment is assumed to be like."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zones: int = Field(ge=1)
    requests_million: Amount
    load_balancer_units: Amount
    nat_gb: Amount
    database_gb: Amount
    database_million_io: Amount
    log_gb: Amount
    s3_gb: Amount
    ecr_gb: Amount
    job_hours: Amount
    nights: Amount


class Prices(BaseModel):
    """The price list with its origin."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    region: str
    as_of: str
    checked: str | None
    source: str
    currency: str
    hours: Amount
    prices: dict[str, Price]
    assumptions: dict[str, Usage]

    def of(self, name: str) -> float | None:
        """Dollars for one unit; None where there is no such price."""
        found = self.prices.get(name)
        return found.usd if found else None

    @property
    def caution(self) -> str:
        """What must be said beside every number."""
        checked = f"checked on {self.checked}" if self.checked else "not checked since"
        return (
            f"list prices of {self.region} as of {self.as_of}, {checked}: check them before you rely on"
            f" them. Not in it: what models cost, data out of AWS, container insights, tax"
        )


def read_prices(root: Path, own: Path | None = None) -> Prices:
    """The price list.

    Args:
        root: The checkout; its `config/prices.yaml` is laid over the built-in list where it is there.
        own: Another file instead of that one.

    Raises:
        DeployError: A file cannot be read, or something in it is not right.
    """
    document, path = _read(BUILT_IN), BUILT_IN
    chosen = own or (root / OWN if (root / OWN).is_file() else None)
    if chosen:
        document, path = _merged(document, _read(chosen)), chosen
    try:
        return Prices.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DeployError(f"{path}: {place}: {first['msg']}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise DeployError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict):
        raise DeployError(f"{path}: a mapping is needed at the top")
    return {
        name: str(value) if name in ("as_of", "checked") and value is not None else value
        for name, value in document.items()
    }


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        if isinstance(before, Mapping) and isinstance(value, int | float):
            result[name] = {**before, "usd": value, "page": ""}  # `nat_gateway_hour: 0.05`
        elif isinstance(before, Mapping) and isinstance(value, Mapping):
            result[name] = _merged(before, value)
        else:
            result[name] = value
    return result
