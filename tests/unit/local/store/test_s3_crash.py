"""What is left when the process is killed, or the machine loses its power."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import running_s3

SERVER = """
import sys
from pathlib import Path
from tests.unit.local.store.running_s3 import running_s3

with running_s3(Path(sys.argv[1]), durable=True) as running:
    print(running.url, flush=True)
    sys.stdin.read()
"""


def _without_power(folder: Path, copy: Path) -> None:
    """The folder as a disk may have it: the log that was synced, and nothing of what was not."""
    shutil.copytree(folder, copy)
    for blob in (copy / ".store/blobs").rglob("*"):
        if blob.is_file() and blob.stat().st_size < 100_000:
            blob.chmod(0o600)
            os.truncate(blob, 0)
    shutil.rmtree(copy / "bucket")


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    with running_s3(tmp_path / "before", durable=True) as running:
        s3 = running.client()
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a/small", Body=b"first")
        s3.put_object(Bucket="bucket", Key="a/small", Body=b"small")
        s3.put_object(Bucket="bucket", Key="large", Body=b"x" * 200_000)
        s3.put_object(Bucket="bucket", Key="gone", Body=b"gone")
        s3.delete_object(Bucket="bucket", Key="gone")
        upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
        s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
        _without_power(tmp_path / "before", tmp_path / "after")
    (tmp_path / "upload").write_text(upload)
    return tmp_path / "after"


def test_a_power_cut_takes_nothing_that_was_acknowledged(lost: Path) -> None:
    stray = lost / ".store/blobs/00" / ("0" * 32)
    stray.write_bytes(b"an upload that never ended")
    os.utime(stray, (1, 1))
    with running_s3(lost, durable=True) as running:
        s3 = running.client()

        assert s3.get_object(Bucket="bucket", Key="a/small")["Body"].read() == b"small"
        assert s3.get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 200_000
        assert error_of(s3.get_object, Bucket="bucket", Key="gone") == (404, "NoSuchKey")
        shown = {str(path.relative_to(lost)) for path in (lost / "bucket").rglob("*") if path.is_file()}
        assert shown == {"bucket/a/small", "bucket/large"}
        upload = (lost.parent / "upload").read_text()
        where: dict[str, Any] = {"Bucket": "bucket", "Key": "parts", "UploadId": upload}
        part = {"PartNumber": 1, "ETag": s3.list_parts(**where)["Parts"][0]["ETag"]}
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [part]})
        assert s3.get_object(Bucket="bucket", Key="parts")["Body"].read() == b"part"
        _wait_until_gone(stray)
        assert s3.get_object(Bucket="bucket", Key="large")["Body"].read() == b"x" * 200_000


def test_the_work_that_was_left_is_done_once(lost: Path) -> None:
    for _ in range(2):
        with running_s3(lost, durable=True) as running:
            left = running.s3.storage.database.read().execute("SELECT COUNT(*) FROM s3_journal").fetchone()[0]
            assert left == 0


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_server_has_everything_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    acknowledged: dict[str, bytes] = {}
    for turn in range(2):
        with _Server(tmp_path) as server:
            s3 = server.client
            if not turn:
                s3.create_bucket(Bucket="bucket")
            for number in range(8 + 5 * seed):
                key, body = f"{number % 5}/{turn}", f"{turn} {number}".encode() * (1 + 30_000 * (number % 2))
                s3.put_object(Bucket="bucket", Key=key, Body=body)
                acknowledged[key] = body
    with running_s3(tmp_path) as running:
        s3 = running.client()
        found = {entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket")["Contents"]}
        assert found == acknowledged.keys()
        for key, body in acknowledged.items():
            assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
            assert (tmp_path / "bucket" / key).read_bytes() == body


class _Server:
    """Killed at its end."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "_Server":
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        self.client: Any = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


def _wait_until_gone(path: Path) -> None:
    end = time.monotonic() + 20
    while path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not path.exists()
