"""What the replies said a request costs against what the gateway booked for it.

The log decides. A reply says its price before anything is booked, and does not know everything: for an
answer from the response cache the header still shows the full price, and the log shows nought.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from gateway_lib.benchmark.costs.spend_logs import wait_for_logs
from gateway_lib.benchmark.records.story import about
from gateway_lib.clients import GatewayClient
from gateway_lib.plots import short_names

TOLERANCE_USD = 1e-6
SOURCE = "spend log"


@dataclass(frozen=True)
class Reconciliation:
    """A run's records beside the gateway's books.

    Attributes:
        records: The records with `cost_usd` as booked, where it was (`cost_source` says so), and behind
            them `cost_told_usd` and `cost_told_source`, what the reply had said, and the log's columns.
        waited_s: How long the books took.
    """

    records: pd.DataFrame
    waited_s: float

    @property
    def booked(self) -> pd.Series:
        """Which requests are in the log."""
        return self.records["log_cost_usd"].notna()

    @property
    def cache_hits(self) -> pd.Series:
        """Which were answered from the gateway's response cache."""
        return self.records["log_cache_hit"].fillna(False).astype(bool)

    @property
    def difference_usd(self) -> pd.Series:
        """Booked minus told, for each request where both are known."""
        difference: pd.Series = self.records["log_cost_usd"] - self.records["cost_told_usd"]
        return difference

    @property
    def differing(self) -> pd.DataFrame:
        """Requests whose price differs from what was booked by more than a millionth of a dollar.

        Not those answered from the cache, where it is known to.
        """
        apart = self.difference_usd.abs() > TOLERANCE_USD
        return self.records[apart & ~self.cache_hits]

    @property
    def missing(self) -> pd.DataFrame:
        """Requests that got an answer, and are not in the log."""
        return self.records[self.records["ok"] & ~self.booked]

    def table(self) -> pd.DataFrame:
        """A row per model and source of the price: requests, booked, told, largest difference of one."""
        frame = self.records.assign(
            _booked=self.booked,
            _hit=self.cache_hits,
            _apart=self.difference_usd.abs().where(~self.cache_hits),
            _source=self.records["cost_told_source"].astype(object).fillna("not told"),
        )
        grouped = frame.groupby(["model", "_source"], observed=True)
        shown = grouped.agg(
            requests=("ok", "size"),
            booked=("_booked", "sum"),
            cache_hits=("_hit", "sum"),
            told_usd=("cost_told_usd", "sum"),
            booked_usd=("log_cost_usd", "sum"),
            largest_difference_usd=("_apart", "max"),
        ).reset_index()
        shown["model"] = shown["model"].astype(str).map(short_names(sorted(set(shown["model"]))))
        shown["largest_difference_usd"] = shown["largest_difference_usd"].round(12)
        words = {"_source": "price from", "cache_hits": "cache hits", "told_usd": "told, $"}
        more = {"booked_usd": "booked, $", "largest_difference_usd": "apart, $"}
        return shown.rename(columns=words | more).set_index("model").rename_axis(None)

    def words(self) -> str:
        """What there is to say, in a few lines."""
        hits, missing, apart = int(self.cache_hits.sum()), len(self.missing), len(self.differing)
        lines = [
            f"{int(self.booked.sum())} of {len(self.records)} requests are booked, after"
            f" {self.waited_s:.1f} s; {apart} differ by more than ${TOLERANCE_USD:.6f}"
        ]
        if missing:
            lines.append(
                f"{missing} answered requests are not in the log: theirs is the told price"
            )
        if hits:
            lines.append(f"{hits} were answered from the response cache, and booked at nothing")
            if about(self.records).spec.get("cache") == "bypass":
                lines.append("the cache was to be bypassed, and was not: times are too good")
        return "\n".join(lines)

    def headline(self) -> dict[str, float | int | None]:
        """The figures for the list of runs."""
        largest = self.difference_usd.abs().where(~self.cache_hits).max()
        return {
            "booked_usd": float(self.records["log_cost_usd"].sum()),
            "not_booked": len(self.missing),
            "cost_difference_max_usd": None if pd.isna(largest) else round(float(largest), 12),
        }


def reconcile(frame: pd.DataFrame, logs: pd.DataFrame, waited_s: float = 0.0) -> Reconciliation:
    """Join records with the rows of the spend logs, by call id.

    Args:
        frame: Records.
        logs: As `spend_logs` gives them; rows of other calls do not matter.
        waited_s: How long was waited for them.
    """
    known = frame.drop(columns=[name for name in frame.columns if name.startswith("log_")])
    known = known.drop(columns=["cost_told_usd", "cost_told_source"], errors="ignore")
    told, source = _told(frame)
    joined = known.merge(logs, on="call_id", how="left", validate="many_to_one")
    joined.index, joined.attrs = frame.index, frame.attrs
    joined["cost_told_usd"], joined["cost_told_source"] = told, source
    booked = joined["log_cost_usd"].notna()
    joined["cost_usd"] = joined["log_cost_usd"].where(booked, told)
    words = pd.Series(SOURCE, index=joined.index).where(booked, source.astype(object))
    joined["cost_source"] = pd.Categorical(words)
    joined["cache_hit"] = (
        joined["cache_hit"].astype("boolean").where(~booked, joined["log_cache_hit"])
    )
    for column in ("tokens_in", "tokens_out", "tokens_cached"):
        joined[column] = joined[column].fillna(joined[f"log_{column}"].astype("Int32"))
    return Reconciliation(joined, waited_s)


def reconciled(
    client: GatewayClient, frame: pd.DataFrame, *, timeout_s: float = 60.0
) -> Reconciliation:
    """Wait for the gateway to book a run, and join.

    Args:
        client: The administrator's; a user's key sees its own calls.
        frame: Records with their story.
        timeout_s: Seconds to wait at most.

    Raises:
        GatewayUnreachable: The gateway does not answer, or refuses to show its books.
        RecordsUnusable: The records have no story, so that it is not known when they were made.
    """
    start: datetime = about(frame).origin.astimezone(UTC)
    end = start + timedelta(seconds=float(frame["done_s"].max() if len(frame) else 0.0))
    answered = frame.loc[frame["ok"], "call_id"].dropna()
    logs, waited = wait_for_logs(client, set(answered), start, end, timeout_s=timeout_s)
    return reconcile(frame, logs, waited)


def _told(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """What the replies said, also of records that were reconciled before."""
    if "cost_told_usd" in frame:
        return frame["cost_told_usd"], frame["cost_told_source"]
    return frame["cost_usd"], frame["cost_source"]
