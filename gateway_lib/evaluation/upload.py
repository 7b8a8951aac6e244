"""Putting run folders into S3."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_lib.errors import UploadFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


def upload(folder: Path, bucket: str, prefix: str) -> int:
    """Put every file below a folder into a bucket, the index last: what it links to is there then.

    Args:
        folder: Of run folders and their index.
        bucket: Its name; region, credentials and endpoint are those that boto3 finds.
        prefix: What the keys begin with, before the path below `folder`.

    Returns:
        How many files they were.

    Raises:
        UploadFailed: S3 did not take all of them.
    """
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    files = list(_files(folder))
    try:
        client: Any = boto3.client("s3")
        for file in files:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            key = f"{prefix}/{file.relative_to(folder).as_posix()}"
            client.upload_file(str(file), bucket, key, ExtraArgs={"ContentType": kind})
    except (Boto3Error, BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())
        raise UploadFailed(f"s3://{bucket}/{prefix}: {reason}") from error
    return len(files)


def _files(folder: Path) -> Iterator[Path]:
    # a lock, for one, is of no use elsewhere
    shown = (path for path in folder.rglob("*") if not path.name.startswith("."))
    found = sorted(path for path in shown if path.is_file())
    index = folder / "index.html"
    yield from (path for path in found if path != index)
    if index in found:
        yield index
