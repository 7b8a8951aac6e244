import boto3
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

from gateway_lib.benchmark.records import places
from gateway_lib.benchmark.records.story import attrs
from gateway_lib.benchmark.records.table import frame_of
from gateway_lib.errors import RecordsUnusable
from tests.lib.benchmark.records.test_records import STORY, record


@pytest.fixture
def bucket(monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="measured")
    yield "measured"
    server.stop()


def test_tables_go_to_s3_and_come_back(bucket):
    frame = frame_of([record(0), record(1, answer="x")], attrs(STORY))
    places.write(frame, f"s3://{bucket}/run/0.parquet")
    again = places.read(f"s3://{bucket}/run/0.parquet")
    pd.testing.assert_frame_equal(again, frame)
    with pytest.raises(RecordsUnusable, match=r"s3://measured/none: "):
        places.read(f"s3://{bucket}/none")
    with pytest.raises(RecordsUnusable, match=r"s3://elsewhere/x: "):
        places.write(frame, "s3://elsewhere/x")


def test_places_that_are_none_are_refused(tmp_path):
    for place in ("s3://bucket", "s3:///key", "s3://bucket/folder/", str(tmp_path)):
        with pytest.raises(RecordsUnusable, match="name a"):
            places.check(place)
