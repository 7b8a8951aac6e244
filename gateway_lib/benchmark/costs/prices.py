"""What a request costs by the gateway's own prices, where its answer did not say.

ConverseStream has no place for a cost, and other providers' streams may leave it out. The gateway tells
the prices it charges by (`/model/info`); where all deployments of a model have the same ones, tokens
times prices is what it books, and the record says that this is where its figure comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pandas as pd

from gateway_lib.clients import gateway_client
from gateway_lib.errors import GatewayUnreachable
from gateway_lib.settings import Settings

SOURCE = "price table"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    input: float
    output: float
    cached: float


def fill_costs(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The table with costs where they were missing and can be known."""
    missing = frame["ok"] & frame["cost_usd"].isna() & frame["tokens_out"].notna()
    if not missing.any():
        return frame
    prices = prices_of(settings)
    for model in frame.loc[missing, "model"].unique():
        if (price := prices.get(str(model))) is None:
            continue
        rows = missing & (frame["model"] == model)
        part = frame.loc[rows]
        cached = part["tokens_cached"].to_numpy(dtype=float, na_value=0.0)
        fresh = part["tokens_in"].to_numpy(dtype=float, na_value=np.nan) - cached
        out = part["tokens_out"].to_numpy(dtype=float, na_value=np.nan)
        cost = fresh * price.input + cached * price.cached + out * price.output
        frame.loc[rows, "cost_usd"] = cost
        frame["cost_source"] = frame["cost_source"].cat.add_categories(
            [name for name in [SOURCE] if name not in frame["cost_source"].cat.categories]
        )
        frame.loc[rows, "cost_source"] = SOURCE
    return frame


def prices_of(settings: Settings) -> dict[str, Price]:
    """Prices by model; without models whose deployments differ, and empty if it does not tell."""
    try:
        with gateway_client(settings) as client:
            answer = client.get("/model/info")
    except (GatewayUnreachable, httpx.HTTPError, ValueError):
        return {}
    found: dict[str, set[Price]] = {}
    for deployment in answer.get("data") or ():
        price = _price(deployment.get("model_info") or {})
        if price is not None:
            found.setdefault(deployment["model_name"], set()).add(price)
    return {model: prices.pop() for model, prices in found.items() if len(prices) == 1}


def _price(info: dict[str, Any]) -> Price | None:
    into, out = info.get("input_cost_per_token"), info.get("output_cost_per_token")
    if into is None or out is None:
        return None
    cached = info.get("cache_read_input_token_cost")
    return Price(float(into), float(out), float(into if cached is None else cached))
