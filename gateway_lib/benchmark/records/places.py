"""Where tables of records are: files here, or objects in S3, where shards of other machines put theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from gateway_lib.benchmark.records import table as records
from gateway_lib.errors import RecordsUnusable

_S3 = "s3://"
_Act = Callable[[Any, str, str], None]


def check(place: str) -> None:
    """Refuse a place that cannot be written to, before anything is measured.

    Raises:
        RecordsUnusable: It is no place for a table.
    """
    if place.startswith(_S3):
        _bucket_and_key(place)
    elif Path(place).is_dir():
        raise RecordsUnusable(f"{place}: a folder; name a file in it")


def write(frame: pd.DataFrame, place: str) -> None:
    """Write a table.

    Raises:
        RecordsUnusable: It cannot be written there.
    """
    check(place)
    if not place.startswith(_S3):
        try:
            records.write(frame, Path(place))
        except OSError as error:
            raise RecordsUnusable(f"{place}: {error.strerror or error}") from None
        return
    with tempfile.TemporaryDirectory(prefix="gateway-records-") as folder:
        path = Path(folder) / "records.parquet"
        records.write(frame, path)
        _s3(place, lambda client, bucket, key: client.upload_file(str(path), bucket, key))


def read(place: str) -> pd.DataFrame:
    """Read a table.

    Raises:
        RecordsUnusable: There is none.
    """
    if not place.startswith(_S3):
        return records.read(Path(place))
    with tempfile.TemporaryDirectory(prefix="gateway-records-") as folder:
        path = Path(folder) / "records.parquet"
        _s3(place, lambda client, bucket, key: client.download_file(bucket, key, str(path)))
        return records.read(path)


def _bucket_and_key(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix(_S3).partition("/")
    if not bucket or not key or key.endswith("/"):
        raise RecordsUnusable(f"{place}: name a bucket and a key, s3://BUCKET/KEY")
    return bucket, key


def _s3(place: str, act: _Act) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = _bucket_and_key(place)
    try:
        act(boto3.client("s3"), bucket, key)
    except (BotoCoreError, ClientError, boto3.exceptions.Boto3Error) as error:
        raise RecordsUnusable(f"{place}: {error}") from None
